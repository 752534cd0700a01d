// Set-ups one after the other in one page, each followed by a first and several warm GETs of 1 KiB:
// shaping on and off, over mixes of several delays.
/* global mix -- in the page */
import { medianRow } from './figures.mjs';
import { floorOf, MIX_DELAY_MS, SMALL, trafficOf } from './page.mjs';

const DELAYS_MS = [MIX_DELAY_MS, 0, 50];
/** DNS, TCP, TLS 1.3 and the request: a round trip each. */
const ROUND_TRIPS_OF_A_FIRST_GET = 4;
const WARM_GETS = 9;
const SET_UP_GOAL_MS = 350;
/** Of the floor. */
const WARM_GOAL = 1.15;

/** In the page. */
async function round(options, url, warmGets) {
  const timed = async (work) => {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
  };
  const get = async () => (await mix.mixFetch(url)).arrayBuffer();
  const setUp = await timed(() => mix.setupMixTunnel(options));
  const first = await timed(get);
  const warm = [];
  for (let i = 0; i < warmGets; i++) warm.push(await timed(get));
  const { rtt } = await mix.getTunnelStats();
  await mix.disconnectMixTunnel();
  return { setUp, first, warm, trip: rtt.medianMs };
}

/** @param {import('./page.mjs').Bench} bench @param {{ rounds: number }} how */
export async function benchPages({ page, tunnel }, { rounds }) {
  const setUps = [];
  const gets = [];
  for (const delay of DELAYS_MS) {
    for (const shaping of ['on', 'off']) {
      const options = { ...tunnel, ...trafficOf(shaping) };
      options.traffic = { averagePacketDelayMs: delay, averageAckDelayMs: delay };
      const results = [];
      const some = delay === MIX_DELAY_MS ? rounds : Math.min(rounds, 3);
      for (let i = 0; i < some; i++) {
        results.push(await page.evaluate(round, options, SMALL, WARM_GETS));
      }
      const all = (key) => results.flatMap((result) => result[key]);
      const name = `${delay} ms mixes, shaping ${shaping}`;
      const floor = floorOf(shaping, delay);
      const limit = floor === 0 ? {} : { limit: floor };
      const trip = { name: 'packet to acknowledgement', value: medianRow('', all('trip')).value };
      const goal = delay === MIX_DELAY_MS ? { goal: SET_UP_GOAL_MS } : {};
      setUps.push(medianRow(name, all('setUp'), goal));
      gets.push(
        medianRow(`first, ${name}`, all('first'), {
          ...(floor === 0 ? {} : { limit: ROUND_TRIPS_OF_A_FIRST_GET * floor }),
          baseline: { ...trip, value: ROUND_TRIPS_OF_A_FIRST_GET * trip.value },
        }),
        medianRow(`warm, ${name}`, all('warm'), {
          ...limit,
          ...(floor === 0 ? {} : { goal: WARM_GOAL * floor }),
          baseline: trip,
        }),
      );
    }
  }
  const common = { kind: 'bars', unit: 'ms', better: 'less' };
  return [
    { ...common, title: 'Set-up to ready, worker included', rows: setUps },
    {
      ...common,
      title: 'GET of 1 KiB by HTTPS',
      rows: gets,
      note: 'The first one asks for the name, connects and shakes hands: four round trips. The baseline is the mixnet as it was in this run: the median from packet to acknowledgement.',
    },
  ];
}
