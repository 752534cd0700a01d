// Runs the targets of fuzz/ under libFuzzer, two at a time, in the build of the sanitizers' tests.
//   npm run fuzz -- [--seconds 60 | --hours N] [--jobs 2] [--keep] [target ...]
// --seconds is the time of each target (default MIX_FUZZ_SECONDS, else 60), --hours that of all
// together. What breaks is written to build/fuzz/findings/ (put it into fuzz/corpus/<target>/ with
// the fix); --keep adds inputs that reach new code to the committed corpus. Ends with
// `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = join(root, 'build/native-debug/fuzz/mix-fuzz');
const committed = join(root, 'fuzz/corpus');
/** An input that takes longer hangs, however loaded the machine is, s. */
const INPUT_TIMEOUT = 300;
const MAX_INPUT = 8192;
/** Larger inputs are not worth keeping in the repository. */
const MAX_KEPT = 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: process.env['MIX_FUZZ_SECONDS'] ?? '60' },
    hours: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
});

const all = readdirSync(committed).sort();
const targets = positionals.length > 0 ? positionals : all;
for (const target of targets) {
  if (!all.includes(target)) {
    console.error(`fuzz: unknown target ${target}; there are ${all.join(', ')}`);
    process.exit(2);
  }
}
const jobs = Number(values.jobs);
const seconds = values.hours
  ? Math.ceil((Number(values.hours) * 3600 * jobs) / targets.length)
  : Number(values.seconds);
if (!(seconds > 0) || !(jobs > 0)) {
  console.error('fuzz: --seconds, --hours and --jobs want a positive number');
  process.exit(2);
}

function must(command, args) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.status !== 0) process.exit(1);
}
if (!existsSync(join(root, 'build/native-debug/build.ninja'))) {
  must('cmake', ['--preset', 'native-debug']);
}
must('cmake', ['--build', '--preset', 'native-debug', '--target', 'mix-fuzz']);

const folder = (...names) => {
  const path = join(root, 'build/fuzz', ...names);
  mkdirSync(path, { recursive: true });
  return path;
};
const findings = folder('findings');
const logs = folder('logs');
let inputs = 0;

/** One target for its time; true when nothing was found. */
async function fuzz(name) {
  const log = join(logs, `${name}.log`);
  const own = folder('corpus', name);
  const child = spawn(
    program,
    [
      `--target=${name}`,
      own,
      join(committed, name),
      `-max_total_time=${seconds}`,
      `-max_len=${MAX_INPUT}`,
      `-timeout=${INPUT_TIMEOUT}`,
      `-artifact_prefix=${findings}/${name}-`,
      '-print_final_stats=1',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const out = createWriteStream(log);
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      out.write(chunk);
      tail = (tail + String(chunk)).slice(-4096);
    });
  }
  const [code] = await once(child, 'close');
  out.end();
  if (code !== 0) {
    console.log(`${name}: FAILED, see ${log}\n${tail}`);
    return false;
  }
  const [, cases] = /stat::number_of_executed_units:\s*(\d+)/.exec(tail) ?? [];
  inputs += Number(cases);
  console.log(`${name}: ${cases} inputs, nothing found`);
  if (values.keep) {
    const merge = ['-merge=1', `-max_len=${MAX_KEPT}`, join(committed, name), own];
    must(program, [`--target=${name}`, ...merge]);
  }
  return true;
}

const waiting = [...targets];
let failed = 0;
await Promise.all(
  Array.from({ length: jobs }, async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      if (!(await fuzz(name))) failed += 1;
    }
  }),
);
const hours = ((seconds * targets.length) / 3600).toFixed(2);
console.log(`fuzz: ${inputs} inputs to ${targets.length} targets, ${hours} h on one processor`);
console.log(`${targets.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
