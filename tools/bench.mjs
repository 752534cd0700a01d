// Macro-benchmarks in headless Chromium over the local mixnet.
//   npm run bench [-- --rounds N] [--part pages|transfers|sockets|requests|memory|core|micro]
// Prints medians beside the protocol's floor; quote the ratios, machines differ.
/* global mix -- in the page */
import { parseArgs } from 'node:util';

import { adminOf, startInternet } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';
import { pageBytes } from '@mixweb/testing/origin';

import { benchLoopback } from './bench-loopback.mjs';
import { benchMemory } from './bench-memory.mjs';
import { benchMicro } from './bench-micro.mjs';
import { benchRequests } from './bench-requests.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    part: { type: 'string' },
    filter: { type: 'string' },
    repetitions: { type: 'string' },
    json: { type: 'string' },
    mebibytes: { type: 'string', default: '100' },
  },
});
if (values.part === 'micro') {
  benchMicro(values);
  process.exit();
}
const REQUEST_ROUNDS = 3;
const rounds = Number(values.rounds);
if (values.part === 'core') {
  await benchLoopback({ rounds, json: values.json });
  process.exit();
}
/** @param {[name: string, value: number, reference: number, kind: string][]} table */
function print(table) {
  console.log(`\n${'measured in headless Chromium'.padEnd(62)}${'value'.padStart(9)}  against`);
  for (const [name, value, reference, kind] of table) {
    const ratio = (value / reference).toFixed(2);
    console.log(
      `${name.padEnd(62)}${value.toFixed(0).padStart(9)}  ${kind} ${reference.toFixed(0)}: ${ratio}`,
    );
  }
}
// These have a network of their own.
if (values.part === 'requests') {
  print(await benchRequests(Math.min(rounds, REQUEST_ROUNDS)));
  process.exit();
}
if (values.part === 'memory') {
  print(await benchMemory(Number(values.mebibytes)));
  process.exit();
}
const wanted = (part) => values.part === undefined || values.part === part;

const MIX_DELAY_MS = 15; // mean per mix
const POISSON_WAIT_MS = 20; // mean wait of an idle client for its next packet
const SETUP_BUDGET_MS = 600;
const WARM_GET_BUDGET_MS = 150;

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const MEBIBYTE = 1024 * 1024;
const LARGE = 10 * MEBIBYTE;
// kB/s, by the direction: what the issue of shaped and unshaped traffic asks for.
const TRANSFERS = {
  on: { down: 180, up: 60 },
  off: { down: 500, up: 300 },
};

/** Median round trip of a WebSocket's echo, ms. */
const ECHO_BUDGET_MS = { on: 125, off: 102 };

/** Share of the lossless rate that is left when a mix drops this share of the packets. */
const LOSSES = { 0.01: 0.7, 0.05: 0.35 };
/** Before each transfer, in which the exit gets its store of SURBs. */
const REST_MS = 2000;

const internet = await startInternet({
  pages: { [`page-${LARGE}.html`]: pageBytes(LARGE).toString() },
});
const pages = await servePages();
const browser = await launchBrowser('chromium');
const page = await browser.open(pages.url('index'));
const options = internet.tunnel;

/** Milliseconds of `rounds` set-ups, each followed by a cold and several warm GETs of 1 KiB. */
async function measure(shaping) {
  const setups = [];
  const cold = [];
  const warm = [];
  for (let round = 0; round < rounds; round++) {
    const result = await page.evaluate(
      async (opts, warmRounds) => {
        const timed = async (work) => {
          const begun = performance.now();
          await work();
          return performance.now() - begun;
        };
        const get = async () => {
          const response = await mix.mixFetch('https://origin.example/page-1024.html');
          await response.arrayBuffer();
        };
        const setup = await timed(() => mix.setupMixTunnel(opts));
        const first = await timed(get);
        const next = [];
        for (let i = 0; i < warmRounds; i++) next.push(await timed(get));
        await mix.disconnectMixTunnel();
        return { setup, first, next };
      },
      { ...options, disablePoissonTraffic: !shaping, disableCoverTraffic: !shaping },
      rounds,
    );
    setups.push(result.setup);
    cold.push(result.first);
    warm.push(...result.next);
  }
  return { setup: median(setups), cold: median(cold), warm: median(warm) };
}

/** kB/s of one transfer from rest, over a warm connection; a size to download or to upload. */
function transfer(direction, size) {
  return page.evaluate(
    async (way, bytes, rest) => {
      await new Promise((resolve) => setTimeout(resolve, rest));
      const origin = 'https://origin.example';
      const begun = performance.now();
      if (way === 'up') {
        const body = new Uint8Array(bytes);
        await mix.mixFetch(`${origin}/echo/status/204`, { method: 'POST', body });
      } else {
        const response = await mix.mixFetch(`${origin}/page-${bytes}.html`);
        const { byteLength } = await response.arrayBuffer();
        if (byteLength !== bytes) throw new Error(`${byteLength} bytes instead of ${bytes}`);
      }
      return bytes / (performance.now() - begun);
    },
    direction,
    size,
    REST_MS,
  );
}

async function transfers(shaping) {
  const traffic = { disablePoissonTraffic: !shaping, disableCoverTraffic: !shaping };
  await page.evaluate((opts) => mix.setupMixTunnel(opts), { ...options, ...traffic });
  await transfer('down', 1024);
  const down = await transfer('down', MEBIBYTE);
  const up = await transfer('up', MEBIBYTE);
  const sustained = await transfer('down', LARGE);
  await page.evaluate(() => mix.disconnectMixTunnel());
  return { down, up, sustained };
}

/** kB/s of 1 MiB without shaping while the first mix loses packets. */
async function lossy(drop) {
  const admin = adminOf(internet.localnet);
  const lossyMix = internet.localnet.mixes[0].id;
  const traffic = { disablePoissonTraffic: true, disableCoverTraffic: true };
  await page.evaluate((opts) => mix.setupMixTunnel(opts), { ...options, ...traffic });
  await transfer('down', 1024);
  await admin.act(lossyMix, 'faults', { drop });
  const rate = await transfer('down', MEBIBYTE);
  await admin.act(lossyMix, 'faults', {});
  await page.evaluate(() => mix.disconnectMixTunnel());
  return rate;
}

/** Medians, ms: a WebSocket's echo, a name asked anew, a name that is known. */
async function sockets(shaping) {
  const result = await page.evaluate(
    async (opts, count) => {
      await mix.setupMixTunnel(opts);
      const timed = async (work) => {
        const begun = performance.now();
        await work();
        return performance.now() - begun;
      };
      const repeated = async (work) => {
        const times = [];
        for (let i = 0; i < count; i++) times.push(await timed(work));
        return times;
      };
      const socket = new mix.MixWebSocket('ws://sockets.example/echo');
      await socket.ready;
      const echo = await repeated(
        () =>
          new Promise((resolve) => {
            socket.onmessage = resolve;
            void socket.send('x'.repeat(100));
          }),
      );
      await socket.close();
      const cold = await repeated(() => mix.mixDNS('origin.example', { noCache: true }));
      const warm = await repeated(() => mix.mixDNS('origin.example'));
      await mix.disconnectMixTunnel();
      return { echo, cold, warm };
    },
    { ...options, disablePoissonTraffic: !shaping, disableCoverTraffic: !shaping },
    rounds * rounds,
  );
  return { echo: median(result.echo), cold: median(result.cold), warm: median(result.warm) };
}

const roundTrip = 6 * MIX_DELAY_MS;
const rows = [];
for (const shaping of [true, false]) {
  const name = shaping ? 'shaping on' : 'shaping off';
  const floor = roundTrip + (shaping ? POISSON_WAIT_MS : 0);
  if (wanted('pages')) {
    const { setup, cold, warm } = await measure(shaping);
    rows.push([`${name}: set-up to ready, median of ${rounds}`, setup, SETUP_BUDGET_MS, 'budget']);
    rows.push([`${name}: cold GET 1 KiB (name, TCP, TLS, HTTP)`, cold, 4 * floor, 'floor']);
    rows.push([`${name}: warm GET 1 KiB, median of ${rounds * rounds}`, warm, floor, 'floor']);
    if (shaping)
      rows.push([`${name}: warm GET against its budget`, warm, WARM_GET_BUDGET_MS, 'budget']);
  }
  if (wanted('transfers')) {
    const { down, up, sustained } = await transfers(shaping);
    const goal = TRANSFERS[shaping ? 'on' : 'off'];
    rows.push([`${name}: download of 1 MiB, kB/s`, down, goal.down, 'goal']);
    rows.push([`${name}: download of 1 MiB, kB/s`, down, shaping ? 205 : 1300, 'cap']);
    rows.push([`${name}: upload of 1 MiB, kB/s`, up, goal.up, 'goal']);
    for (const [loss, share] of shaping ? [] : Object.entries(LOSSES)) {
      const rate = await lossy(Number(loss));
      rows.push([
        `${name}: download of 1 MiB at ${loss * 100} % loss, kB/s`,
        rate,
        share * down,
        'goal',
      ]);
    }
    rows.push([`${name}: download of 10 MiB, kB/s`, sustained, down, 'that of 1 MiB']);
  }
  if (wanted('sockets')) {
    const { echo, cold, warm } = await sockets(shaping);
    const budget = ECHO_BUDGET_MS[shaping ? 'on' : 'off'];
    rows.push([`${name}: WebSocket echo, median of ${rounds * rounds}`, echo, budget, 'budget']);
    rows.push([`${name}: name asked anew, median of ${rounds * rounds}`, cold, floor, 'floor']);
    rows.push([`${name}: name that is known`, warm, 1, 'ms']);
  }
}
await browser.close();
await pages.stop();
await internet.stop();

print(rows);
