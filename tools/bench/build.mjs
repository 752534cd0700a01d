// Builds what the benchmarks run beside the product.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** @param {'native-release' | 'wasm-release'} preset @param {string[]} targets */
export function buildBench(preset, ...targets) {
  const run = (...args) => execFileSync('cmake', args, { cwd: root, stdio: ['ignore', 2, 2] });
  run('--preset', preset);
  run('--build', '--preset', preset, '--target', ...targets);
}
