// A long run through a local mixnet that is broken on purpose at random moments: each second a
// fetch and a message on a WebSocket, now and then a DNS question. Ends with the rate of success
// outside of the injected outages and the growth of memory; exit code 1 when a promise was broken.
//   npm run soak -- [--minutes N] [--seed S] [--browser] [--no-faults]
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { adminOf, startInternet } from '@mixweb/testing';

import { browserClient, nodeClient } from './lib/soak-clients.mjs';
import { dice, faultsOf } from './lib/soak-faults.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: process.env['MIX_SOAK_MINUTES'] ?? '10' },
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
const DURATION_MS = minutes * 60_000;
const TICK_MS = 1_000; // a fetch and a message
const DNS_EVERY = 5; // ticks
/** A hang is a failure, a slow machine is none. */
const TIMEOUT_MS = 60_000;
const PAUSE_MS = [20_000, 40_000]; // between faults
const FAULT_MS = [2_000, 15_000];
const RECOVERY_MS = 10_000; // after a fault ended, requests may still fail
const MIN_SUCCESS = 0.999; // of what no outage touched
const MAX_GROWTH = MIB;
/** From here on memory may not grow; code is compiled and pools are filled before. */
const WARM_UP_MS = Math.min(120_000, DURATION_MS / 4);
const SAMPLE_EVERY_MS = Math.max(2_000, (DURATION_MS - WARM_UP_MS) / 24);

const random = dice(seed);
const between = ([low, high]) => low + random() * (high - low);
const now = () => performance.now();
const inMib = (bytes) => (bytes / MIB).toFixed(2);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

console.log(`soak: ${minutes} min, seed ${seed}, ${values.browser ? 'Chromium' : 'Node'}`);
const internet = await startInternet({
  localnet: [
    ...['--gateways', '2', '--exits', '2', '--exits-without-entry', '--mixes-per-layer', '2'],
    ...['--epoch-seconds', '60', '--rotation-epochs', '2'],
  ],
});
const client = await (values.browser ? browserClient : nodeClient)(internet.tunnel, TIMEOUT_MS);

const begin = now();
const inSeconds = (time) => ((time - begin) / 1000).toFixed(0);

// --- what is asked ---

/** Of each operation: begin, end, and what went wrong. */
const done = [];
const running = new Set();
/** The socket has one message at a time under way. */
let isSocketBusy = false;
function ask(kind) {
  if (kind === 'webSocket' && isSocketBusy) return;
  if (kind === 'webSocket') isSocketBusy = true;
  const start = now();
  const operation = client[kind]()
    .then(() => undefined, String)
    .then((error) => {
      done.push({ begin: start, end: now(), error });
      if (error !== undefined) console.log(`soak: at ${inSeconds(now())} s: ${kind}: ${error}`);
      running.delete(operation);
      if (kind === 'webSocket') isSocketBusy = false;
    });
  running.add(operation);
}

// --- what is broken ---

/** Times at which operations may fail: [begin, end]. */
const outages = [];
const isOutage = ({ begin, end }) => outages.some(([from, to]) => begin < to && end > from);

async function breakThings(until) {
  const faults = faultsOf(internet.localnet, adminOf(internet.localnet), random);
  const names = Object.keys(faults);
  while (now() < until) {
    await sleep(between(PAUSE_MS));
    if (now() >= until) return;
    const name = names[Math.floor(random() * names.length)];
    const ms = between(FAULT_MS);
    const outage = [now(), Infinity];
    outages.push(outage);
    console.log(`soak: at ${inSeconds(now())} s: ${name}, ${(ms / 1000).toFixed(1)} s`);
    await faults[name](ms);
    outage[1] = now() + RECOVERY_MS;
  }
}

// --- the run ---

/** Bytes by part, from the warm-up on. */
const samples = [];
const until = begin + DURATION_MS;
const breaking = values['no-faults'] ? Promise.resolve() : breakThings(until);
const sampling = (async () => {
  await sleep(WARM_UP_MS);
  while (now() < until) {
    const sample = await client.memory();
    samples.push(sample);
    const parts = Object.entries(sample).map(([part, bytes]) => `${part} ${inMib(bytes)}`);
    console.log(`soak: MiB: ${parts.join(', ')}`);
    await sleep(SAMPLE_EVERY_MS);
  }
})();
for (let tick = 0; now() < until; tick += 1) {
  ask('fetch');
  ask('webSocket');
  if (tick % DNS_EVERY === 0) ask('dns');
  await sleep(Math.max(0, begin + (tick + 1) * TICK_MS - now()));
}
await Promise.all([breaking, sampling]);
await Promise.all(running);
await sleep(RECOVERY_MS);
// However it ended, the tunnel must be whole again.
const before = done.length;
for (const kind of ['fetch', 'webSocket', 'dns']) ask(kind);
await Promise.all(running);
const isWhole = done.slice(before).every(({ error }) => error === undefined);
const state = await client.state();
await client.stop();
await internet.stop();

const outside = done.filter((operation) => !isOutage(operation));
const failed = done.filter(({ error }) => error !== undefined);
const failedOutside = outside.filter(({ error }) => error !== undefined);
const success = outside.length === 0 ? 1 : 1 - failedOutside.length / outside.length;
console.log(
  `soak: ${done.length} operations, ${failed.length} failed; ${outside.length} outside of ` +
    `${outages.length} outages, ${(100 * success).toFixed(2)} % of them succeeded`,
);

/** How much more is used in the last third than in the first; one sample alone may be unlucky. */
function growthOf(part) {
  const sizes = samples.map((sample) => sample[part]);
  const third = Math.ceil(sizes.length / 3);
  return median(sizes.slice(-third)) - median(sizes.slice(0, third));
}
const growth = { page: growthOf('page'), worker: growthOf('worker'), module: growthOf('module') };
const total = growth.page + growth.worker + growth.module;
console.log(
  `soak: memory grew by ${inMib(total)} MiB (page ${inMib(growth.page)}, worker ` +
    `${inMib(growth.worker)}, module ${inMib(growth.module)}; it has ` +
    `${inMib(samples.at(-1).module)}); state ${state} (seed ${seed})`,
);
const holds = success >= MIN_SUCCESS && total <= MAX_GROWTH && state === 'ready' && isWhole;
console.log(holds ? 'soak: passed' : 'soak: FAILED');
process.exit(holds ? 0 : 1);
