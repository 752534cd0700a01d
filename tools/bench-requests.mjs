// Many small requests in headless Chromium over the local mixnet, mixes holding packets for 50 ms in
// the mean: JSON-RPC calls to ten hosts, cold and warm, and parallel GETs to one origin.
//   npm run bench -- --part requests [--rounds N]
/* global mix -- in the page */
import { RPC_HOSTS } from '@mixweb/testing/behaviours';

import { withBenchPage } from './lib/bench-page.mjs';

const MIX_DELAY_MS = 50;
const ROUND_TRIP_MS = 6 * MIX_DELAY_MS;
const POISSON_WAIT_MS = 20;
const CALLS = 50;
const COLD_LIMIT_MS = 2600;
const ORIGINS = { 'HTTP/2': 'https://h2.example', 'HTTP/1.1': 'https://node.example' };

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const median = (numbers) => sorted(numbers)[Math.floor(numbers.length / 2)];

/** In the page: ms of each call, all at once; a call that fails counts as endless. */
function calls(hosts, count) {
  return Promise.all(
    Array.from({ length: count }, async (_, id) => {
      const begun = performance.now();
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_chainId', params: [] });
      const url = `https://${hosts[id % hosts.length]}/rpc`;
      try {
        const answer = await (await mix.mixFetch(url, { method: 'POST', body })).json();
        return answer.id === id && answer.result === '0x1' ? performance.now() - begun : Infinity;
      } catch {
        return Infinity;
      }
    }),
  );
}

/** In the page: ms until `count` parallel GETs of 10 KiB are through. */
async function gets(origin, count) {
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: count }, async () => {
      const bytes = await (await mix.mixFetch(`${origin}/bytes/10240`)).arrayBuffer();
      if (bytes.byteLength !== 10_240) throw new Error(`${bytes.byteLength} bytes`);
    }),
  );
  return performance.now() - begun;
}

async function measure(page, options, rounds) {
  const cold = [];
  const warm = [];
  const parallel = Object.fromEntries(Object.keys(ORIGINS).map((name) => [name, [[], []]]));
  const trips = [];
  for (let round = 0; round < rounds; round++) {
    await page.evaluate((opts) => mix.setupMixTunnel(opts), options);
    cold.push(...(await page.evaluate(calls, RPC_HOSTS, CALLS)));
    // One after the other, so that each has the path for itself: 5 rounds of 10 hosts.
    for (let i = 0; i < CALLS; i += RPC_HOSTS.length) {
      warm.push(...(await page.evaluate(calls, RPC_HOSTS, RPC_HOSTS.length)));
    }
    for (const [name, origin] of Object.entries(ORIGINS)) {
      await page.evaluate(gets, origin, 6); // as many connections as there will be
      for (let i = 0; i < 3; i++) {
        parallel[name][0].push(await page.evaluate(gets, origin, 1));
        parallel[name][1].push(await page.evaluate(gets, origin, 6));
      }
    }
    trips.push((await page.evaluate(() => mix.getTunnelStats())).rtt.medianMs);
    await page.evaluate(() => mix.disconnectMixTunnel());
  }
  return { cold, warm, parallel, trip: median(trips) };
}

/** Rows of name, value, reference, kind of reference. */
export function benchRequests(rounds) {
  return withBenchPage(async (page, tunnel) => {
    const rows = [];
    for (const shaping of [true, false]) {
      const options = {
        ...tunnel,
        disablePoissonTraffic: !shaping,
        disableCoverTraffic: !shaping,
        traffic: { averagePacketDelayMs: MIX_DELAY_MS, averageAckDelayMs: MIX_DELAY_MS },
      };
      const { cold, warm, parallel, trip } = await measure(page, options, rounds);
      const name = `50 ms mixes, shaping ${shaping ? 'on' : 'off'}`;
      const floor = ROUND_TRIP_MS + (shaping ? POISSON_WAIT_MS : 0);
      const succeeded = (100 * cold.filter(Number.isFinite).length) / cold.length;
      rows.push(
        [`${name}: ${CALLS} cold JSON-RPC calls that succeed, %`, succeeded, 100, 'goal'],
        [`${name}: slowest cold JSON-RPC call`, Math.max(...cold), COLD_LIMIT_MS, 'limit'],
        [`${name}: median cold JSON-RPC call`, median(cold), 4 * floor, 'floor'],
        [`${name}: median warm JSON-RPC call`, median(warm), 1.1 * floor, 'limit'],
        [`${name}: the same against the mixnet as it was`, median(warm), 1.1 * trip, 'limit'],
        [`${name}: packet to acknowledgement, median`, trip, floor, 'floor'],
      );
      for (const [version, [one, six]] of Object.entries(parallel)) {
        const what = `${name}: six GETs of 10 KiB, ${version}`;
        rows.push([what, median(six), 2 * median(one), 'limit']);
      }
    }
    return rows;
  });
}
