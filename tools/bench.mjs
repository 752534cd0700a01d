// Macro-benchmarks in headless Chromium over the local mixnet.
//   npm run bench [-- --rounds N]
// Prints medians beside the protocol's floor; quote the ratios, machines differ.
/* global mix -- in the page */
import { parseArgs } from 'node:util';

import { startInternet } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);

const MIX_DELAY_MS = 15; // mean per mix
const POISSON_WAIT_MS = 20; // mean wait of an idle client for its next packet
const SETUP_BUDGET_MS = 600;
const WARM_GET_BUDGET_MS = 150;

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const internet = await startInternet();
const pages = await servePages();
const browser = await launchBrowser('chromium');
const page = await browser.open(pages.url('index'));
const options = {
  nymApiUrl: internet.directory,
  extraRoots: internet.authority.pem,
  forceTls: false,
};

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

/** Bytes per second of one download of a megabyte. */
async function download(shaping) {
  return page.evaluate(
    async (opts) => {
      await mix.setupMixTunnel(opts);
      const begun = performance.now();
      const response = await mix.mixFetch('https://origin.example/page-1048576.html');
      const { byteLength } = await response.arrayBuffer();
      const seconds = (performance.now() - begun) / 1000;
      await mix.disconnectMixTunnel();
      return byteLength / seconds;
    },
    { ...options, disablePoissonTraffic: !shaping, disableCoverTraffic: !shaping },
  );
}

const roundTrip = 6 * MIX_DELAY_MS;
const rows = [];
for (const shaping of [true, false]) {
  const name = shaping ? 'shaping on' : 'shaping off';
  const floor = roundTrip + (shaping ? POISSON_WAIT_MS : 0);
  const { setup, cold, warm } = await measure(shaping);
  rows.push([`${name}: set-up to ready, median of ${rounds}`, setup, SETUP_BUDGET_MS, 'budget']);
  rows.push([`${name}: cold GET 1 KiB (name, TCP, TLS, HTTP)`, cold, 4 * floor, 'floor']);
  rows.push([`${name}: warm GET 1 KiB, median of ${rounds * rounds}`, warm, floor, 'floor']);
  if (shaping)
    rows.push([`${name}: warm GET against its budget`, warm, WARM_GET_BUDGET_MS, 'budget']);
  const rate = await download(shaping);
  rows.push([`${name}: download of 1 MiB, kB/s`, rate / 1000, shaping ? 205 : 1300, 'cap']);
}
await browser.close();
await pages.stop();
await internet.stop();

console.log(`\n${'measured in headless Chromium'.padEnd(56)}${'value'.padStart(9)}  against`);
for (const [name, value, reference, kind] of rows) {
  const ratio = (value / reference).toFixed(2);
  console.log(`${name.padEnd(56)}${value.toFixed(0).padStart(9)}  ${kind} ${reference}: ${ratio}`);
}
