// A local mixnet as a child process of a test suite.
import { findProgram } from './find-program.mjs';
import { runProcess } from './process.mjs';

const DEFAULT_TIMEOUT_MS = 60_000;

/** The line of `--json`, once it is complete. */
export function announced(output) {
  const line = output.split('\n').find((text) => text.startsWith('{') && text.endsWith('}'));
  return line === undefined ? undefined : JSON.parse(line);
}

export async function startLocalnet({
  args = [],
  program = findProgram(),
  timeoutMs = DEFAULT_TIMEOUT_MS,
} = {}) {
  // Ends with this process, even when that is killed.
  const flags = ['--json', '--exit-with-stdin', ...args];
  const child = await runProcess(program, flags, announced, { timeoutMs, stdin: 'pipe' });
  const stop = async () => {
    await child.stop();
  };
  return {
    ...child.value,
    metrics: child.value.admin.replace(/admin$/, 'metrics'),
    // Loopback gateways have no certificates.
    tunnel: { nymApiUrl: child.value.directory, forceTls: false },
    output: child.output,
    stop,
  };
}
