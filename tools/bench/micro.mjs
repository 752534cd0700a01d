// Micro-benchmarks (bench/): the same Google Benchmark program natively, as wasm in Node and as wasm
// in Chromium. Medians of the repetitions.
import { execFileSync } from 'node:child_process';
import path from 'node:path';

import { launchBrowser, servePages } from '@mixweb/testing/browsers';

import { buildBench, root } from './build.mjs';

const folderOf = (preset) => path.join(root, 'build', preset, 'bench');
const TO_MICROSECONDS = { ns: 1e-3, us: 1, ms: 1e3, s: 1e6 };
const MAX_OUTPUT = 2 ** 26;

const CHAINED = 'build_packets/chained';
const TABLES = 'build_packets/tables';
const WHOLE = 'client_packet_with_ack';
/** Times that the tables are faster than the chained derivation, and packets a second: issue 7. */
const GOALS = { speedUp: 2.5, packets: 1800 };

/** Microseconds by benchmark. @param {string} output of --benchmark_format=json */
function mediansOf(output) {
  // Seeded generators tell their seed on the same channel.
  const { benchmarks } = JSON.parse(output.replaceAll(/\[ SEED +\] \d+/g, ''));
  return Object.fromEntries(
    benchmarks
      .filter((row) => row.aggregate_name === 'median')
      .map((row) => [
        row.run_name.replace(/\/(manual_time|min_time:[^/]*)/g, ''),
        row.real_time * TO_MICROSECONDS[row.time_unit],
      ]),
  );
}

/** Runs in Node and in the page: what the module prints at its start with these arguments. */
async function output(url, args) {
  const { default: create } = await import(url);
  const lines = [];
  await create({ arguments: args, print: (line) => lines.push(line), printErr: () => undefined });
  return lines.join('\n');
}

function natively(args) {
  const program = path.join(folderOf('native-release'), 'mix_micro');
  return execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** In a process of its own, which has compiled nothing else. */
function inNode(args) {
  const module = `file://${path.join(folderOf('wasm-release'), 'mix_micro.mjs')}`;
  const call = `(${output.toString()})(${JSON.stringify(module)}, ${JSON.stringify(args)})`;
  const script = `${call}.then((text) => process.stdout.write(text));`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
  });
}

async function inChromium(args) {
  const pages = await servePages({ folders: { '/micro/': folderOf('wasm-release') } });
  const browser = await launchBrowser('chromium', { patience: 'endless' });
  try {
    const page = await browser.browser.newPage();
    await page.goto(pages.bareUrl);
    return await page.evaluate(output, '/micro/mix_micro.mjs', args);
  } finally {
    await browser.close();
    await pages.stop();
  }
}

/** @param {{ filter: string, repetitions: number }} how */
export async function benchMicro({ filter, repetitions }) {
  buildBench('native-release', 'mix_micro');
  buildBench('wasm-release', 'mix_micro');
  const args = [
    `--benchmark_filter=${filter}`,
    // Of one there is no median.
    `--benchmark_repetitions=${Math.max(repetitions, 2)}`,
    '--benchmark_min_time=0.05',
    '--benchmark_enable_random_interleaving=true',
    '--benchmark_report_aggregates_only=true',
    '--benchmark_format=json',
  ];
  const byHost = {
    native: mediansOf(natively(args)),
    Node: mediansOf(inNode(args)),
    Chromium: mediansOf(await inChromium(args)),
  };
  const hosts = Object.keys(byHost);
  const of = (name) => hosts.filter((host) => name in byHost[host]);
  // They ran in random order.
  const names = Object.keys(byHost.native).sort();
  const rows = names.map((name) => ({
    name,
    values: Object.fromEntries(of(name).map((host) => [host, byHost[host][name]])),
  }));
  const charts = [
    {
      kind: 'dots',
      title: 'Micro-benchmarks',
      unit: 'µs',
      better: 'less',
      hosts,
      rows,
      note: `Google Benchmark, the median of ${repetitions} repetitions; the numbers are of Chromium.`,
    },
  ];
  const common = { kind: 'bars', better: 'more' };
  if (of(CHAINED).length > 0 && of(TABLES).length > 0) {
    charts.push({
      ...common,
      title: 'Sphinx packet of four hops: chained derivation against tables',
      unit: 'times as fast',
      rows: hosts.map((host) => ({
        name: host,
        value: byHost[host][CHAINED] / byHost[host][TABLES],
        ...(host !== 'native' && { goal: GOALS.speedUp }),
      })),
    });
  }
  if (of(WHOLE).length > 0) {
    charts.push({
      ...common,
      title: 'Data packets with acknowledgement, of one thread',
      unit: 'packets/s',
      rows: hosts.map((host) => ({
        name: host,
        value: 1e6 / byHost[host][WHOLE],
        ...(host !== 'native' && { goal: GOALS.packets }),
      })),
    });
  }
  return charts;
}
