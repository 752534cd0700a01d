#!/usr/bin/env node
// The program as a command of npm: alone, or around another command.
//
//   mix-localnet [OPTIONS]                 until SIGINT or SIGTERM; --help lists the options
//   mix-localnet [OPTIONS] -- COMMAND...   a network while COMMAND runs, its directory in
//                                          MIX_DIRECTORY; ends with COMMAND's exit code
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

import { findOrBuildProgram } from './find-program.mjs';
import { startLocalnet } from './localnet.mjs';

const SIGNAL_BASE = 128; // a shell's exit code for a program that a signal ended

/** Runs to the end, with our terminal, and passes signals on. Resolves with an exit code. */
async function runForeground(command, args, env = {}) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const pass = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  try {
    const [code, signal] = await once(child, 'exit');
    return code ?? SIGNAL_BASE + constants.signals[signal];
  } finally {
    for (const signal of signals) process.removeListener(signal, pass);
  }
}

async function main(args) {
  const program = findOrBuildProgram();
  const separator = args.indexOf('--');
  if (separator === -1) return runForeground(program, args);
  const [command, ...rest] = args.slice(separator + 1);
  if (command === undefined) throw new Error('a command is missing after --');
  const localnet = await startLocalnet({ program, args: args.slice(0, separator) });
  try {
    return await runForeground(command, rest, {
      MIX_DIRECTORY: localnet.directory,
      MIX_LOCALNET_ADMIN: localnet.admin,
    });
  } finally {
    await localnet.stop();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`mix-localnet: ${error.message}\n`);
  process.exitCode = 1;
}
