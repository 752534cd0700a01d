// A local mixnet as a child process.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { runProcess } from './process.mjs';

const PROGRAM = fileURLToPath(
  new URL('../../../build/native-release/localnet/mix-localnet', import.meta.url),
);

/**
 * @param {string[]} [args] further options of mix-localnet
 * @returns what it announced (directory, entries, exits, admin) and `stop`
 */
export async function startLocalnet(args = []) {
  if (!existsSync(PROGRAM)) throw new Error('mix-localnet is not built: run tools/build localnet');
  const localnet = await runProcess(PROGRAM, ['--json', ...args], (output) => {
    const line = output.split('\n').find((text) => text.startsWith('{') && text.endsWith('}'));
    return line === undefined ? undefined : JSON.parse(line);
  });
  return { ...localnet.value, output: localnet.output, stop: localnet.stop };
}
