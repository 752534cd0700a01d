// Processor time of a page whose tunnel is up and has nothing to do: as share of one core, from the
// counters that Chromium keeps of its processes. The worker lives in the page's process.
/* global mix -- in the page */
import { trafficOf } from './page.mjs';

const GOAL_PERCENT = 5;
/** After set-up, until the compiler has seen what runs often. */
const SETTLE_MS = 5000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Seconds of processor time of all page processes so far. */
async function pageSeconds(session) {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo
    .filter(({ type }) => type === 'renderer')
    .reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

async function percentOver(session, ms) {
  const [cpu, wall] = [await pageSeconds(session), performance.now()];
  await sleep(ms);
  return (100 * (await pageSeconds(session)) - 100 * cpu) / ((performance.now() - wall) / 1000);
}

/** @param {import('./page.mjs').Bench} bench @param {{ seconds: number }} how */
export async function benchIdle({ browser, page, tunnel }, { seconds }) {
  const session = await browser.target().createCDPSession();
  const alone = await percentOver(session, (seconds * 1000) / 2);
  const rows = [{ name: 'the page without a tunnel', value: alone }];
  for (const shaping of ['on', 'off']) {
    await page.evaluate((opts) => mix.setupMixTunnel(opts), { ...tunnel, ...trafficOf(shaping) });
    await sleep(SETTLE_MS);
    const value = await percentOver(session, seconds * 1000);
    rows.push({ name: `idle tunnel, shaping ${shaping}`, value, goal: GOAL_PERCENT });
    await page.evaluate(() => mix.disconnectMixTunnel());
  }
  return [
    {
      kind: 'bars',
      title: 'Processor time of an idle tunnel',
      unit: '% of a core',
      better: 'less',
      rows,
      note: `Page and worker over ${seconds} s. Shaped, it sends and receives some fifty packets of cover a second.`,
    },
  ];
}
