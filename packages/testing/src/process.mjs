// Child processes that end with their parent, free ports, temporary folders.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STOP_GRACE_MS = 5_000;
const PROBE_INTERVAL_MS = 50;

/** Below the range from which systems give ports to outgoing connections and to listeners on 0. */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 100;

/** Whether something can be bound and let go again. */
async function binds(bind) {
  const socket = bind();
  try {
    await once(socket, 'listening');
  } catch {
    return false;
  }
  socket.close();
  await once(socket, 'close');
  return true;
}

/**
 * A port that is free on 127.0.0.1, for TCP and UDP, and that nothing gets by chance before the
 * caller binds it: only another call can choose it, with little luck.
 */
export async function freePort() {
  const host = '127.0.0.1';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const free =
      (await binds(() => createServer().listen(port, host))) &&
      (await binds(() => createSocket('udp4').bind(port, host)));
    if (free) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** A folder that `dispose` removes. */
export function temporaryFolder(name) {
  const path = mkdtempSync(join(tmpdir(), `mixweb-${name}-`));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * Starts a program and resolves when `ready` has found what it needs in the output so far, or, for
 * programs that say nothing, when `probe` does.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {((output: string) => unknown) | undefined} ready a truthy value ends the wait and becomes
 *   `value`
 * @param {{ timeoutMs?: number, env?: Record<string, string>, probe?: () => Promise<boolean> }} [options]
 *   `probe` is asked again and again; it may reject
 */
export async function runProcess(
  command,
  args,
  ready,
  { timeoutMs = 20_000, env = {}, probe } = {},
) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const killWithParent = () => child.kill('SIGKILL');
  process.once('exit', killWithParent);
  let output = '';
  const exited = once(child, 'exit').then(([code, signal]) => {
    process.removeListener('exit', killWithParent);
    return { code, signal };
  });
  const value = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      clearInterval(asking);
      child.kill('SIGKILL');
      reject(new Error(`${command} was not ready in ${timeoutMs} ms:\n${output}`));
    }, timeoutMs);
    const settle = (found) => {
      clearTimeout(timer);
      clearInterval(asking);
      resolve(found);
    };
    const ask = async () => {
      if (await probe().catch(() => false)) settle(true);
    };
    const asking = probe && setInterval(() => void ask(), PROBE_INTERVAL_MS);
    const look = (chunk) => {
      output += String(chunk);
      const found = ready?.(output);
      if (found) settle(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', (error) => {
      clearTimeout(timer);
      clearInterval(asking);
      reject(error);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      clearInterval(asking);
      reject(new Error(`${command} ended with code ${code} before it was ready:\n${output}`));
    });
  });
  return {
    child,
    value,
    output: () => output,
    /** Asks to end, insists after a while; resolves with how it ended. */
    async stop() {
      child.kill('SIGTERM');
      const insist = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      const result = await exited;
      clearTimeout(insist);
      return result;
    },
  };
}
