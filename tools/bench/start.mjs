// The start of a page that has loaded nothing yet, step by step: import, worker, module, directory
// calls, gateway, exit. Each round has a page of its own.
import { median, medianRow } from './figures.mjs';
import { trafficOf } from './page.mjs';

const GOALS_MS = { import: 30, worker: 150, setUp: 350 };

/** Names of the steps that the tunnel tells, as it begins them. */
const STEPS = {
  directory: 'directory, all calls',
  gateway: 'gateway: WebSocket',
  register: 'gateway: registration, authentication',
  topology: 'topology into use',
  exit: 'exit: connect and addresses',
};

/** In the page. Times in ms since its beginning. */
async function start(options) {
  const times = {};
  const seen = [];
  const Plain = Worker;
  globalThis.Worker = class extends Plain {
    constructor(...args) {
      super(...args);
      const loaded = () => (times.loaded = performance.now());
      this.addEventListener('message', loaded, { once: true });
    }
  };
  times.begun = performance.now();
  const tunnel = await import('@mixweb/mix-tunnel');
  times.imported = performance.now();
  // Steps carry wall time of whole milliseconds.
  const onState = ({ state, step, at }) =>
    seen.push({ name: step ?? state, at: at - performance.timeOrigin });
  await tunnel.setupMixTunnel({ ...options, onState });
  times.ready = performance.now();
  return { times, seen, origin: performance.timeOrigin };
}

/** In the worker: its requests, ms since 1970. */
function requests() {
  return performance.getEntriesByType('resource').map(({ name, startTime, responseEnd }) => ({
    name,
    start: startTime + performance.timeOrigin,
    end: responseEnd + performance.timeOrigin,
  }));
}

/** Bars of one round, from the import's beginning. */
async function measure(browser, url, options) {
  const page = await browser.newPage();
  try {
    await page.goto(url);
    const { times, seen, origin } = await page.evaluate(start, options);
    const [worker] = page.workers();
    const calls = worker === undefined ? [] : await worker.evaluate(requests);
    await page.evaluate(async () => (await import('@mixweb/mix-tunnel')).disconnectMixTunnel());

    const of = (name) => seen.find((one) => one.name === name)?.at ?? NaN;
    const bars = [];
    const add = (name, from, to) => bars.push({ name, start: from, end: to });
    add('import', times.begun, times.imported);
    add('worker: script unpacked and started', times.imported, times.loaded);
    add('worker: module unpacked and compiled', times.loaded, of('directory'));
    add('worker ready', times.imported, of('directory'));
    for (const call of calls) {
      const path = new URL(call.name).pathname.replace(/^.*?\/v\d+\//, '');
      add(
        `GET ${path.replace('unstable/nym-nodes/', '…')}`,
        call.start - origin,
        call.end - origin,
      );
    }
    const ends = [...Object.keys(STEPS).slice(1), 'ready'];
    Object.entries(STEPS).forEach(([step, name], i) => add(name, of(step), of(ends[i])));
    add('set-up to ready', times.imported, times.ready);
    return bars.map((bar) => ({
      ...bar,
      start: bar.start - times.begun,
      end: bar.end - times.begun,
    }));
  } finally {
    await page.close();
  }
}

const GOAL_OF = {
  import: GOALS_MS.import,
  'worker ready': GOALS_MS.worker,
  'set-up to ready': GOALS_MS.setUp,
};

/** @param {import('./page.mjs').Bench} bench @param {{ rounds: number }} how */
export async function benchStart({ browser, pages, tunnel }, { rounds }) {
  const charts = [];
  const setUps = [];
  for (const shaping of ['on', 'off']) {
    const all = [];
    for (let i = 0; i < rounds; i++) {
      all.push(await measure(browser, pages.bareUrl, { ...tunnel, ...trafficOf(shaping) }));
    }
    const took = (name) =>
      all.map((bars) => bars.find((bar) => bar.name === name)).map(({ start: s, end }) => end - s);
    setUps.push(
      medianRow(`shaping ${shaping}: set-up to ready`, took('set-up to ready'), {
        goal: GOALS_MS.setUp,
      }),
      medianRow(`shaping ${shaping}: worker ready`, took('worker ready'), {
        goal: GOALS_MS.worker,
      }),
      medianRow(`shaping ${shaping}: import`, took('import'), { goal: GOALS_MS.import }),
      medianRow(`shaping ${shaping}: exit`, took(STEPS.exit)),
    );
    const names = [...new Set(all.flatMap((bars) => bars.map(({ name }) => name)))];
    const rows = names.map((name) => {
      const bars = all.flatMap((one) => one.filter((bar) => bar.name === name));
      const from = median(bars.map(({ start: s }) => s));
      const goal = GOAL_OF[name];
      const length = median(bars.map(({ start: s, end }) => end - s));
      return { name, start: from, end: from + length, ...(goal === undefined ? {} : { goal }) };
    });
    charts.push({
      kind: 'waterfall',
      title: `Start of a fresh page, shaping ${shaping}`,
      unit: 'ms',
      rows,
      note: `Medians of ${rounds} pages: where each step begins, and how long it takes.`,
    });
  }
  return [
    {
      kind: 'bars',
      title: 'Start of a fresh page',
      unit: 'ms',
      better: 'less',
      rows: setUps,
    },
    ...charts,
  ];
}
