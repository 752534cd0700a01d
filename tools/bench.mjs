// Benchmarks: a table, JSON, a page of Markdown and a chart page.
//   npm run bench [-- --part NAME[,NAME...]] [--full] [--rounds N] [--json FILE] [--report PREFIX]
//                    [--minutes N] [--mebibytes N] [--filter REGEX] [--repetitions N]
// Parts: start, pages, sockets, transfers, requests, idle, memory in headless Chromium over the local
// mixnet; core, micro without a network. `--report docs/benchmarks/2026-11-22` writes .md, .json and
// .html; it ends within `--minutes` (then 9.5), and what did not fit is named. A quarter of an hour and
// more with --full: bodies of 100 MiB.
/* global mix -- in the page */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { chartPageOf } from './bench/chart-page.mjs';
import { benchCore } from './bench/core.mjs';
import { benchIdle } from './bench/idle.mjs';
import { benchMemory } from './bench/memory.mjs';
import { benchMicro } from './bench/micro.mjs';
import { openBench } from './bench/page.mjs';
import { benchPages } from './bench/pages.mjs';
import { describeMachine, markdownOf, tableText } from './bench/report.mjs';
import { benchRequests } from './bench/requests.mjs';
import { benchSockets } from './bench/sockets.mjs';
import { benchStart } from './bench/start.mjs';
import { benchTransfers } from './bench/transfers.mjs';

const { values } = parseArgs({
  options: {
    part: { type: 'string' },
    full: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    json: { type: 'string' },
    report: { type: 'string' },
    minutes: { type: 'string' },
    mebibytes: { type: 'string' },
    filter: { type: 'string', default: '.' },
    repetitions: { type: 'string', default: '3' },
  },
});
const rounds = Number(values.rounds ?? (values.full ? 9 : 5));
const mebibytes = Number(values.mebibytes ?? (values.full ? 100 : 24));
const extent = values.full ? 'full' : 'quick';
const IDLE_SECONDS = 15;
const REPORT_MINUTES = 9.5;

/** In the order of a report: what is short and asked for most comes first. */
const IN_PAGE = {
  start: (bench) => benchStart(bench, { rounds }),
  pages: (bench) => benchPages(bench, { rounds }),
  sockets: (bench) => benchSockets(bench, { rounds }),
  idle: (bench) => benchIdle(bench, { seconds: IDLE_SECONDS }),
  transfers: (bench) => benchTransfers(bench, { extent }),
  requests: (bench) => benchRequests(bench, { rounds: Math.min(rounds, 2) }),
  memory: (bench) => benchMemory(bench, { mebibytes }),
};
const ALONE = {
  micro: () => benchMicro({ filter: values.filter, repetitions: Number(values.repetitions) }),
  core: () => benchCore({ rounds: Math.min(rounds, 5) }),
};

const all = { ...ALONE, ...IN_PAGE };
const wanted = values.part?.split(',') ?? Object.keys(all);
const unknown = wanted.filter((name) => !(name in all));
if (unknown.length > 0) {
  console.error(`bench: no part ${unknown.join(', ')}; there are ${Object.keys(all).join(', ')}`);
  process.exit(2);
}

const begun = performance.now();
const limitMinutes = Number(values.minutes ?? (values.report ? REPORT_MINUTES : Infinity));
const leftMs = () => begun + limitMinutes * 60_000 - performance.now();
const OUT_OF_TIME = 'no time was left';

const report = {
  date: new Date().toISOString(),
  command: [
    'npm run bench',
    ...(process.argv.length > 2 ? ['--'] : []),
    ...process.argv.slice(2),
  ].join(' '),
  machine: describeMachine(),
  parts: [],
  charts: [],
};

/** Written after each part, so that an end by force loses only what was under way. */
async function write() {
  report.machine['load after'] = Number(loadavg()[0].toFixed(2));
  const { format } = await import('prettier');
  const json = await format(JSON.stringify(report), { parser: 'json', printWidth: 100 });
  if (values.json) writeFileSync(values.json, json);
  if (!values.report) return;
  const name = path.basename(values.report);
  const page = markdownOf(report, { json: `${name}.json`, charts: `${name}.html` });
  writeFileSync(`${values.report}.json`, json);
  writeFileSync(`${values.report}.html`, chartPageOf(report));
  writeFileSync(`${values.report}.md`, await format(page, { parser: 'markdown' }));
  // The list of runs ends the folder's page.
  const index = path.join(path.dirname(values.report), 'index.md');
  const link = `- [${name}](${name}.md)\n`;
  if (!existsSync(index)) return;
  const text = readFileSync(index, 'utf8');
  if (text.includes(link)) return;
  const gap = text.trimEnd().split('\n').at(-1).startsWith('- ') ? '' : '\n';
  writeFileSync(index, text + gap + link);
}

/** Ends early when the time is over; what is under way then goes down with the process. */
function withinTime(work) {
  if (limitMinutes === Infinity) return work;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(OUT_OF_TIME)), Math.max(0, leftMs()));
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function perform(name, part) {
  const since = performance.now();
  const outcome = { name, seconds: 0 };
  try {
    if (leftMs() <= 0) throw new Error(OUT_OF_TIME);
    console.error(`bench: ${name}`);
    const charts = await withinTime(part());
    for (const chart of charts) console.log(`\n${tableText(chart)}`);
    report.charts.push(...charts);
  } catch (cause) {
    outcome.error = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    console.error(`bench: ${name} was not measured: ${outcome.error}`);
  }
  outcome.seconds = Math.round((performance.now() - since) / 100) / 10;
  report.parts.push(outcome);
  await write();
}

for (const name of wanted.filter((one) => one in ALONE)) await perform(name, ALONE[name]);
const inPage = wanted.filter((one) => one in IN_PAGE);
if (inPage.length > 0) {
  const bench = await openBench();
  for (const name of inPage) {
    await perform(name, async () => {
      // One that failed may have left its tunnel.
      await bench.page.evaluate(() => mix.disconnectMixTunnel());
      return IN_PAGE[name](bench);
    });
  }
  // A part that was given up still holds the page.
  await Promise.race([bench.close(), new Promise((resolve) => setTimeout(resolve, 5000))]);
}
const failed = report.parts.filter(({ error }) => error !== undefined);
console.log(
  `\n${Math.round((performance.now() - begun) / 1000)} s, ${failed.length} parts not measured`,
);
process.exit(failed.length === 0 ? 0 : 1);
