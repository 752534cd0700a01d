// Child processes that are waited for and that end with their parent.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const STOP_GRACE_MS = 5_000;
const PROBE_INTERVAL_MS = 50;

/**
 * Starts a program and resolves when `ready` has found what it needs in the output so far, or, for
 * programs that say nothing, when `probe` does.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {((output: string) => unknown) | undefined} ready a truthy value ends the wait and becomes
 *   `value`
 * @param {{ timeoutMs?: number, env?: Record<string, string>, probe?: () => Promise<boolean>,
 *   stdin?: 'ignore' | 'pipe' }} [options]
 *   `probe` is asked again and again; it may reject. `stdin: 'pipe'` for programs that end when
 *   their standard input does
 */
export async function runProcess(
  command,
  args,
  ready,
  { timeoutMs = 20_000, env = {}, probe, stdin = 'ignore' } = {},
) {
  const child = spawn(command, args, {
    stdio: [stdin, 'pipe', 'pipe'],
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
