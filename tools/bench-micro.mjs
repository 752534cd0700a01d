// Micro-benchmarks (bench/), natively and as wasm under Node: a table, and JSON on demand.
//   npm run bench -- --part micro [--filter REGEX] [--repetitions N] [--json FILE]
// Medians of the repetitions. Ratios are of one run; times mean something on a quiet machine only.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const PROGRAM = 'mix_micro';
const HOSTS = {
  native: { preset: 'native-release', command: (program) => [program] },
  wasm: { preset: 'wasm-release', command: (program) => [process.execPath, `${program}.js`] },
};

/** Goals of issue 7, both in wasm: [name, value, goal]. */
function goals(wasm) {
  const of = (name) => wasm.get(name);
  const rows = [];
  const chained = of('build_packets/chained');
  const tables = of('build_packets/tables');
  if (chained !== undefined && tables !== undefined) {
    rows.push(['packet of 4 hops: chained derivation / tables', chained / tables, 2.5]);
  }
  const packet = of('client_packet_with_ack');
  if (packet !== undefined) rows.push(['data and ack packets a second', 1e9 / packet, 1800]);
  return rows;
}

function build(preset) {
  const run = (...args) => execFileSync('cmake', args, { cwd: root, stdio: ['ignore', 2, 2] });
  run('--preset', preset);
  run('--build', '--preset', preset, '--target', PROGRAM);
}

/** Nanoseconds by benchmark. */
function measure({ preset, command }, filter, repetitions) {
  const folder = mkdtempSync(path.join(tmpdir(), 'mix-micro-'));
  const out = path.join(folder, 'out.json');
  const [program, ...args] = command(path.join(root, 'build', preset, 'bench', PROGRAM));
  execFileSync(
    program,
    [
      ...args,
      `--benchmark_filter=${filter}`,
      `--benchmark_repetitions=${repetitions}`,
      '--benchmark_min_time=0.1',
      '--benchmark_enable_random_interleaving=true',
      '--benchmark_report_aggregates_only=true',
      `--benchmark_out=${out}`,
      '--benchmark_out_format=json',
    ],
    { stdio: 'ignore' },
  );
  const { benchmarks } = JSON.parse(readFileSync(out, 'utf8'));
  rmSync(folder, { recursive: true });
  const toNs = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
  return new Map(
    benchmarks
      .filter((row) => row.aggregate_name === 'median')
      .map((row) => [row.run_name, row.real_time * toNs[row.time_unit]]),
  );
}

export function benchMicro({ filter = '.', repetitions = 5, json } = {}) {
  for (const { preset } of Object.values(HOSTS)) build(preset);
  const load = loadavg()[0];
  const native = measure(HOSTS.native, filter, repetitions);
  const wasm = measure(HOSTS.wasm, filter, repetitions);

  const micros = (ns) => (ns === undefined ? '' : (ns / 1000).toFixed(1)).padStart(10);
  console.log(`\n${'microseconds'.padEnd(44)}    native      wasm     ratio`);
  for (const name of wasm.keys()) {
    const ratio = (wasm.get(name) / native.get(name)).toFixed(1).padStart(10);
    console.log(`${name.padEnd(44)}${micros(native.get(name))}${micros(wasm.get(name))}${ratio}`);
  }
  for (const [name, value, goal] of goals(wasm)) {
    console.log(`${name}: ${value.toFixed(2)} (goal ${goal})`);
  }
  if (json !== undefined) {
    const result = {
      date: new Date().toISOString(),
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, load },
      nanoseconds: Object.fromEntries(
        [...wasm.keys()].map((name) => [name, { native: native.get(name), wasm: wasm.get(name) }]),
      ),
      goals: goals(wasm).map(([name, value, goal]) => ({ name, value, goal })),
    };
    writeFileSync(json, `${JSON.stringify(result, undefined, 2)}\n`);
  }
}
