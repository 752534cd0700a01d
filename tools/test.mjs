// Runs the test suites and sums their counts. Last line: `N passed, N failed`.
//   node tools/test.mjs [native] [hardening] [wasm] [vitest] [endurance]     default: all but the last
// Suites that mostly wait run beside those that compute, which yield the processors to them.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const results = join(root, 'build/results');

/** Runs a command with its output shown; true if it succeeded. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('close', (status) => resolve(status === 0));
  });
}

/** Runs a command silently and shows its output only if it fails. */
function runQuietly(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', () => resolve(false));
    child.on('close', (status) => {
      if (status !== 0) process.stdout.write(Buffer.concat(chunks));
      resolve(status === 0);
    });
  });
}

/** For what computes: a test beside it that waits for something sees it at once when it is there. */
const yielding = (command, args) => ['nice', ['-n', '15', command, ...args]];

const note = (text) => console.log(`test: ${text}`);

/**
 * One CTest preset, or its tests of one label with the targets they need: counts of its GoogleTest
 * programs; a program that died counts as one failure.
 */
async function ctestSuite(name, preset, { targets = [], label } = {}) {
  const count = { name, passed: 0, failed: 0, skipped: 0 };
  note(`building ${preset}`);
  if (!existsSync(join(root, `build/${preset}/build.ninja`))) {
    if (!(await runQuietly(...yielding('cmake', ['--preset', preset])))) {
      return { ...count, failed: 1 };
    }
  }
  const target = targets.length > 0 ? ['--target', ...targets] : [];
  if (!(await runQuietly(...yielding('cmake', ['--build', '--preset', preset, ...target])))) {
    return { ...count, failed: 1 };
  }

  const folder = join(root, `build/${preset}/results`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const junit = join(folder, 'ctest.xml');
  const only = label === undefined ? [] : ['-L', label];
  await run(
    ...yielding('ctest', ['--preset', preset, '--output-junit', junit, '--quiet', ...only]),
  );
  if (!existsSync(junit)) {
    note(`${preset}: ctest itself failed`);
    return { ...count, failed: 1 };
  }

  const programs = readFileSync(junit, 'utf8').matchAll(
    /<testcase name="([^"]+)"[^>]*status="(\w+)"/g,
  );
  for (const [, program, status] of programs) {
    const report = join(folder, `${program}.json`);
    let failures = 0;
    if (existsSync(report)) {
      for (const suite of JSON.parse(readFileSync(report, 'utf8')).testsuites ?? []) {
        for (const test of suite.testsuite) {
          if (test.failures?.length > 0) {
            failures += 1;
            note(`FAILED ${name}: ${suite.name}.${test.name}`);
          } else if (test.result === 'SKIPPED' || test.status === 'NOTRUN') {
            count.skipped += 1;
          } else {
            count.passed += 1;
          }
        }
      }
    }
    if (status !== 'run' && failures === 0) {
      // Died, leaked or timed out without a failed test of its own.
      failures = 1;
      note(`FAILED ${name}: ${program} ended badly`);
      await run('ctest', ['--preset', preset, '-R', `^${program}$`, '--output-on-failure']);
    }
    count.failed += failures;
  }
  return count;
}

/** Localnet, module and packages, built once. */
let building;
function built() {
  if (building === undefined) {
    note('building localnet, module and packages');
    building = runQuietly('tools/build', []);
  }
  return building;
}

async function vitestSuite(name) {
  const count = { name, passed: 0, failed: 0, skipped: 0 };
  if (!(await built())) return { ...count, failed: 1 };
  const report = join(results, 'vitest.json');
  rmSync(report, { force: true });
  const ok = await run('npx', [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  if (!existsSync(report)) return { ...count, failed: ok ? 0 : 1 };
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  for (const file of testResults) {
    let failures = 0;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') count.passed += 1;
      else if (test.status === 'failed') failures += 1;
      else count.skipped += 1;
    }
    // A file that does not load has no test to blame.
    if (file.status === 'failed' && failures === 0) failures = 1;
    count.failed += failures;
  }
  if (!ok && count.failed === 0) count.failed = 1;
  return count;
}

/** A program of tools/: what it wrote, which is shown as well, and whether it succeeded. */
function tool(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      process.stdout.write(chunk);
    });
    child.on('error', () => resolve({ ok: false, output }));
    child.on('close', (status) => resolve({ ok: status === 0, output }));
  });
}

/**
 * The soak, which mostly waits, beside the fuzzer, which yields to it. MIX_SOAK_MINUTES and
 * MIX_FUZZ_SECONDS (of each target) set other durations.
 */
async function enduranceSuite(name) {
  const count = { name, passed: 0, failed: 0, skipped: 0 };
  if (!(await built())) return { ...count, failed: 1 };
  const [soak, fuzz] = await Promise.all([
    tool('node', ['--expose-gc', 'tools/soak.mjs']),
    tool(...yielding('node', ['tools/fuzz.mjs'])),
  ]);
  const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(fuzz.output) ?? [0, 0, 1];
  count.passed = Number(passed) + (soak.ok ? 1 : 0);
  count.failed = Number(failed) + (soak.ok ? 0 : 1);
  return count;
}

const suites = {
  native: () => ctestSuite('core and localnet, native, ASan+UBSan', 'native-debug'),
  // What the sanitizers cannot see, or stand in the way of.
  hardening: () =>
    ctestSuite('constant time and wiped memory, native, optimised', 'native-release', {
      targets: ['constant_time_test', 'memory_test'],
      label: 'hardening',
    }),
  wasm: () => ctestSuite('core, wasm under Node', 'wasm-release'),
  vitest: () => vitestSuite('packages and browsers, Vitest'),
  endurance: () => enduranceSuite('soak and fuzz targets'),
};
/** Those that mostly wait, for packets and for time-outs, and need what built() makes. */
const waiting = ['vitest'];

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!(name in suites)) {
    console.error(`test: unknown suite ${name}; there are ${Object.keys(suites).join(', ')}`);
    process.exit(2);
  }
}

mkdirSync(results, { recursive: true });
const names =
  wanted.length > 0 ? wanted : Object.keys(suites).filter((name) => name !== 'endurance');
const counted = new Map();
async function inTurn(some) {
  for (const name of some) {
    const start = performance.now();
    const count = await suites[name]();
    counted.set(name, { ...count, seconds: (performance.now() - start) / 1000 });
  }
}
// Ahead of both: its build directories are those of other suites, too.
if (names.some((name) => waiting.includes(name))) await built();
await Promise.all([
  inTurn(names.filter((name) => waiting.includes(name))),
  inTurn(names.filter((name) => !waiting.includes(name))),
]);
const counts = names.map((name) => counted.get(name));
writeFileSync(join(results, 'test-summary.json'), JSON.stringify(counts, null, 2));

const { printTable } = await import('./summary.mjs');
process.exit(printTable(counts) ? 0 : 1);
