// Many small requests over mixes that hold packets for 50 ms in the mean: JSON-RPC calls to ten
// hosts, cold and warm, and parallel GETs to one origin.
/* global mix -- in the page */
import { RPC_HOSTS } from '@mixweb/testing/behaviours';

import { median, medianRow } from './figures.mjs';
import { floorOf, trafficOf } from './page.mjs';

const MIX_DELAY_MS = 50;
const CALLS = 50;
const COLD_LIMIT_MS = 2600;
const ORIGINS = { 'HTTP/2': 'https://h2.example', 'HTTP/1.1': 'https://node.example' };

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

/** @param {import('./page.mjs').Bench} bench @param {{ rounds: number }} how */
export async function benchRequests({ page, tunnel }, { rounds }) {
  const success = [];
  const rows = [];
  for (const shaping of ['on', 'off']) {
    const options = {
      ...tunnel,
      ...trafficOf(shaping),
      traffic: { averagePacketDelayMs: MIX_DELAY_MS, averageAckDelayMs: MIX_DELAY_MS },
    };
    const { cold, warm, parallel, trip } = await measure(page, options, rounds);
    const name = `shaping ${shaping}`;
    const floor = floorOf(shaping, MIX_DELAY_MS);
    const succeeded = (100 * cold.filter(Number.isFinite).length) / cold.length;
    const mixnet = { name: 'packet to acknowledgement', value: trip };
    success.push({ name: `cold JSON-RPC calls, ${name}`, value: succeeded, goal: 100 });
    rows.push(
      medianRow(`cold JSON-RPC call, ${name}`, cold, { limit: 4 * floor }),
      { name: `slowest of ${cold.length}, ${name}`, value: Math.max(...cold), goal: COLD_LIMIT_MS },
      medianRow(`warm JSON-RPC call, ${name}`, warm, {
        limit: floor,
        goal: 1.1 * floor,
        baseline: mixnet,
      }),
    );
    for (const [version, [one, six]] of Object.entries(parallel)) {
      rows.push(
        medianRow(`six GETs of 10 KiB, ${version}, ${name}`, six, {
          goal: 2 * median(one),
          baseline: { name: 'one GET', value: median(one) },
        }),
      );
    }
  }
  const common = { kind: 'bars' };
  return [
    {
      ...common,
      title: `Many requests over mixes of ${MIX_DELAY_MS} ms`,
      unit: 'ms',
      better: 'less',
      rows,
      note: `${CALLS} JSON-RPC calls at once to ${RPC_HOSTS.length} hosts, cold; warm ones ten at a time.`,
    },
    { ...common, title: 'Calls that succeed', unit: '%', better: 'more', rows: success },
  ];
}
