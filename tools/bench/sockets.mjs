// Round trips that are no fetch: a WebSocket's echo, a name asked anew, a name that is known.
/* global mix -- in the page */
import { medianRow } from './figures.mjs';
import { floorOf, trafficOf } from './page.mjs';

const ECHO_GOAL_MS = { on: 125, off: 102 };

/** In the page. */
async function measure(options, count) {
  await mix.setupMixTunnel(options);
  const repeated = async (work) => {
    const times = [];
    for (let i = 0; i < count; i++) {
      const begun = performance.now();
      await work();
      times.push(performance.now() - begun);
    }
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
  const asked = await repeated(() => mix.mixDNS('origin.example', { noCache: true }));
  const known = await repeated(() => mix.mixDNS('origin.example'));
  await mix.disconnectMixTunnel();
  return { echo, asked, known };
}

/** @param {import('./page.mjs').Bench} bench @param {{ rounds: number }} how */
export async function benchSockets({ page, tunnel }, { rounds }) {
  const rows = [];
  for (const shaping of ['on', 'off']) {
    const options = { ...tunnel, ...trafficOf(shaping) };
    const { echo, asked, known } = await page.evaluate(measure, options, 5 * rounds);
    const limit = floorOf(shaping);
    rows.push(
      medianRow(`WebSocket echo, shaping ${shaping}`, echo, { limit, goal: ECHO_GOAL_MS[shaping] }),
      medianRow(`name asked anew, shaping ${shaping}`, asked, { limit }),
      medianRow(`name that is known, shaping ${shaping}`, known),
    );
  }
  return [{ kind: 'bars', title: 'Round trips', unit: 'ms', better: 'less', rows }];
}
