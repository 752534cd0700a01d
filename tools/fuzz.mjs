// Runs the libFuzzer targets of fuzz/, two at a time.
//   npm run fuzz -- [--seconds 60 | --hours N] [--keep] [target ...]
// --seconds is the time of each target, --hours that of all together. What crashes is written to
// build/fuzz/findings/ (put it into fuzz/corpus/<target>/ with the fix); --keep adds inputs that
// reach new code to the committed corpus. Ends with `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(root, 'build/fuzz');
const committed = join(root, 'fuzz/corpus');
const JOBS = 2;
/** The slowest input that is no finding, s; sanitizers and a loaded machine included. */
const INPUT_TIMEOUT = 25;
const MAX_INPUT = 8192;
/** Larger inputs are not worth keeping in the repository. */
const MAX_KEPT = 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    hours: { type: 'string' },
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
const seconds = values.hours
  ? Math.ceil((Number(values.hours) * 3600 * JOBS) / targets.length)
  : Number(values.seconds ?? 60);
if (!(seconds > 0)) {
  console.error('fuzz: --seconds and --hours want a positive number');
  process.exit(2);
}

function must(command, args) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.status !== 0) process.exit(1);
}
if (!existsSync(join(build, 'build.ninja'))) must('cmake', ['--preset', 'fuzz']);
must('cmake', [
  '--build',
  '--preset',
  'fuzz',
  '--target',
  ...targets.map((name) => `fuzz_${name}`),
]);

const folder = (...names) => {
  const path = join(build, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};
const findings = folder('findings');

/** One target for its time; true when nothing was found. */
async function fuzz(name) {
  const log = join(folder('logs'), `${name}.log`);
  const program = join(build, 'fuzz', `fuzz_${name}`);
  const own = folder('corpus', name);
  const child = spawn(
    program,
    [
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
  const [, cases] = /stat::number_of_executed_units:\s*(\d+)/.exec(tail) ?? [];
  console.log(
    code === 0 ? `${name}: ${cases} inputs, nothing found` : `${name}: FAILED, see ${log}`,
  );
  if (code === 0 && values.keep) {
    must(program, ['-merge=1', `-max_len=${MAX_KEPT}`, join(committed, name), own]);
  }
  return code === 0;
}

const waiting = [...targets];
let failed = 0;
await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      if (!(await fuzz(name))) failed += 1;
    }
  }),
);
console.log(`${targets.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
