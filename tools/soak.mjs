// A long run: one request a second through a local mixnet that is broken on purpose at random
// moments. Ends with the success rate outside of the injected outages and the growth of memory.
//   npm run soak -- [--minutes N] [--seed S] [--browser] [--no-faults]
// Exit code 1 when a promise was broken.
/* global mix -- in the page */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelState,
  getTunnelStats,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';
import { adminOf, startInternet } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    browser: { type: 'boolean', default: false },
    'no-faults': { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('soak: --minutes and --seed are numbers');
  process.exit(2);
}

const MIB = 1024 * 1024;
const REQUEST_EVERY_MS = 1_000;
const REQUEST_TIMEOUT_MS = 30_000;
const WARM_UP_MS = Math.min(60_000, minutes * 15_000);
const PAUSE_MS = [10_000, 30_000]; // between faults
const RECOVERY_MS = 10_000; // after a fault ended, requests may still fail
const MIN_SUCCESS = 0.995; // of requests that no outage touched
const MAX_GROWTH = 8 * MIB; // after the warm-up
const URL_OF_PAGE = 'https://origin.example/page-1024.html';

/** Numbers in [0, 1) that depend on nothing but the seed (mulberry32). */
function dice(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = dice(seed);
const between = (low, high) => low + random() * (high - low);
const pick = (list) => list[Math.floor(random() * list.length)];

console.log(`soak: ${minutes} min, seed ${seed}, ${values.browser ? 'Chromium' : 'Node'}`);
const internet = await startInternet({
  localnet: [
    ...['--gateways', '2', '--exits', '2', '--exits-without-entry', '--mixes-per-layer', '2'],
    ...['--epoch-seconds', '60', '--rotation-epochs', '2'],
  ],
});
const admin = adminOf(internet.localnet);
const { entries, exits, mixes } = internet.localnet;
const options = internet.tunnel;

// --- the client under test ---

async function nodeClient() {
  await setupMixTunnel(options);
  return {
    async request() {
      const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
      const response = await mixFetch(URL_OF_PAGE, { signal });
      return (await response.arrayBuffer()).byteLength;
    },
    state: async () => (await getTunnelState()).state,
    async memory() {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed + (await getTunnelStats()).memory.wasmBytes;
    },
    stop: () => disconnectMixTunnel(),
  };
}

async function browserClient() {
  const pages = await servePages();
  const browser = await launchBrowser('chromium');
  const page = await browser.open(pages.url('index'));
  const session = await page.createCDPSession();
  await page.evaluate((opts) => mix.setupMixTunnel(opts), options);
  return {
    request: () =>
      page.evaluate(
        async (url, limit) => {
          const response = await mix.mixFetch(url, { signal: AbortSignal.timeout(limit) });
          return (await response.arrayBuffer()).byteLength;
        },
        URL_OF_PAGE,
        REQUEST_TIMEOUT_MS,
      ),
    state: async () => (await page.evaluate(() => mix.getTunnelState())).state,
    async memory() {
      await session.send('HeapProfiler.collectGarbage');
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      const wasm = await page.evaluate(async () => (await mix.getTunnelStats()).memory.wasmBytes);
      return usedSize + wasm;
    },
    async stop() {
      await page.evaluate(() => mix.disconnectMixTunnel());
      await browser.close();
      await pages.stop();
    },
  };
}

// --- faults ---

/** Each breaks something for `ms` and mends it. */
const FAULTS = {
  cut: async () => {
    for (const entry of entries) await admin.act(entry.id, 'cut');
  },
  'entries down': async (ms) => {
    for (const entry of entries) await admin.act(entry.id, 'kill');
    await sleep(ms);
    for (const entry of entries) await admin.act(entry.id, 'restart');
  },
  'a mix down': async (ms) => {
    const mix = pick(mixes);
    await admin.act(mix.id, 'kill');
    await sleep(ms);
    await admin.act(mix.id, 'restart');
  },
  'an exit frozen': async (ms) => {
    const exit = pick(exits);
    await admin.act(exit.id, 'freeze');
    await sleep(ms);
    await admin.act(exit.id, 'freeze', { on: false });
  },
  'exits starved of SURBs': async (ms) => {
    for (const exit of exits) await admin.act(exit.id, 'starve');
    await sleep(ms);
    for (const exit of exits) await admin.act(exit.id, 'starve', { on: false });
  },
  '5 % loss': async (ms) => {
    await admin.faults({ drop: 0.05 / 5 });
    await sleep(ms);
    await admin.faults({});
  },
  reordering: async (ms) => {
    await admin.faults({ duplicate: 0.1, reorder: { rate: 0.5, ms: 200 } });
    await sleep(ms);
    await admin.faults({});
  },
  'a mix leaves': async (ms) => {
    const mix = pick(mixes);
    await admin.act(mix.id, 'leave');
    await sleep(ms);
    await admin.act(mix.id, 'join');
  },
  rotation: () => admin.rotate(),
};

/** Times at which requests may fail: [begin, end]. */
const outages = [];
const isOutage = (begin, end) => outages.some(([from, to]) => begin < to && end > from);

async function breakThings(until) {
  while (performance.now() < until) {
    await sleep(between(...PAUSE_MS));
    if (performance.now() >= until) return;
    const name = pick(Object.keys(FAULTS));
    const ms = between(2_000, 15_000);
    const outage = [performance.now(), Infinity];
    outages.push(outage);
    console.log(`soak: ${name}, ${(ms / 1000).toFixed(1)} s`);
    await FAULTS[name](ms);
    outage[1] = performance.now() + RECOVERY_MS;
  }
}

// --- the run ---

const client = await (values.browser ? browserClient() : nodeClient());
const requests = [];
async function ask() {
  const begin = performance.now();
  let error;
  try {
    const bytes = await client.request();
    if (bytes !== 1024) error = new Error(`${bytes} bytes`);
  } catch (cause) {
    error = cause;
  }
  requests.push({ begin, end: performance.now(), error });
}

const until = performance.now() + minutes * 60_000;
const breaking = values['no-faults'] ? Promise.resolve() : breakThings(until);
const running = new Set();
let baseline;
const warmAt = performance.now() + WARM_UP_MS;
while (performance.now() < until) {
  const asking = ask().finally(() => running.delete(asking));
  running.add(asking);
  if (baseline === undefined && performance.now() > warmAt) baseline = await client.memory();
  await sleep(REQUEST_EVERY_MS);
}
await breaking;
await Promise.all(running);
await sleep(RECOVERY_MS);
await ask();

const growth = (await client.memory()) - (baseline ?? 0);
const state = await client.state();
await client.stop();
await internet.stop();

const failed = requests.filter(({ error }) => error !== undefined);
const outside = requests.filter(({ begin, end }) => !isOutage(begin, end));
const failedOutside = outside.filter(({ error }) => error !== undefined);
for (const { error } of failedOutside) console.log(`soak: outside of any outage: ${String(error)}`);
const success = outside.length === 0 ? 1 : 1 - failedOutside.length / outside.length;
const last = requests.at(-1);
console.log(
  `soak: ${requests.length} requests, ${failed.length} failed; ${outside.length} outside of ` +
    `${outages.length} outages, ${(100 * success).toFixed(2)} % of them succeeded`,
);
console.log(`soak: memory grew by ${(growth / MIB).toFixed(2)} MiB; state ${state} (seed ${seed})`);
const holds =
  success >= MIN_SUCCESS && growth <= MAX_GROWTH && state === 'ready' && last?.error === undefined;
console.log(holds ? 'soak: passed' : 'soak: FAILED');
process.exit(holds ? 0 : 1);
