// Memory of a page that streams a large body, shaping off: the module's memory, and what lives on
// the JavaScript heaps of page and worker. The same stream tells whether the rate stays flat.
/* global mix -- in the page */
import { median } from './figures.mjs';
import { MEBIBYTE, ORIGIN, SMALL, trafficOf } from './page.mjs';

const LIMITS = { idle: 16, page: 2, streaming: 24 }; // MiB
const SAMPLE_EVERY = 4 * MEBIBYTE;
/** The slowest piece against the middle one. */
const FLAT = 0.7;

/** Bytes in use once garbage is collected. */
async function heapOf(session) {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}

/** In the page: reads on until `goal` bytes are there, and tells how many there are. */
async function read(goal) {
  const { streamed } = globalThis;
  while (streamed.bytes < goal) {
    const { done, value } = await streamed.reader.read();
    if (done) throw new Error('the body ended early');
    streamed.bytes += value.byteLength;
  }
  return streamed.bytes;
}

/** @param {import('./page.mjs').Bench} bench @param {{ mebibytes: number }} how */
export async function benchMemory({ browser, pages, tunnel }, { mebibytes }) {
  // A page of its own: what others left is none of this one's.
  const page = await browser.newPage();
  await page.goto(pages.url('index'));
  await page.waitForFunction(() => 'mix' in globalThis);
  const session = await page.createCDPSession();
  await page.evaluate(
    async (options, url) => {
      await mix.setupMixTunnel(options);
      await (await mix.mixFetch(url)).arrayBuffer();
    },
    { ...tunnel, ...trafficOf('off') },
    SMALL,
  );
  const sample = async () => {
    const module = await page.evaluate(async () => (await mix.getTunnelStats()).memory.wasmBytes);
    const own = await heapOf(session);
    let workers = 0;
    for (const worker of page.workers()) workers += await heapOf(worker.client);
    return { module, own, workers };
  };
  const idle = await sample();
  await page.evaluate(
    async (url) => {
      const response = await mix.mixFetch(url);
      globalThis.streamed = { reader: response.body.getReader(), bytes: 0 };
    },
    `${ORIGIN}/bytes/${mebibytes * MEBIBYTE}`,
  );
  const peak = { ...idle };
  const rates = [];
  let bytes = 0;
  while (bytes < mebibytes * MEBIBYTE) {
    const begun = performance.now();
    const before = bytes;
    bytes = await page.evaluate(read, Math.min(bytes + SAMPLE_EVERY, mebibytes * MEBIBYTE));
    rates.push((bytes - before) / (performance.now() - begun));
    const now = await sample();
    for (const part of Object.keys(peak)) peak[part] = Math.max(peak[part], now[part]);
  }
  const after = await sample();
  await page.evaluate(() => mix.disconnectMixTunnel());
  await page.close();
  const sum = ({ module, own, workers }) => (module + own + workers) / MEBIBYTE;
  const what = `streaming ${mebibytes} MiB`;
  const grown = { goal: LIMITS.streaming };
  return [
    {
      kind: 'bars',
      title: 'Memory',
      unit: 'MiB',
      better: 'less',
      rows: [
        { name: 'after a first GET: everything', value: sum(idle), goal: LIMITS.idle },
        { name: 'of it the page', value: idle.own / MEBIBYTE, goal: LIMITS.page },
        { name: `${what}: peak of everything`, value: sum(peak), ...grown },
        { name: `${what}: everything afterwards`, value: sum(after), ...grown },
        { name: `${what}: growth`, value: sum(after) - sum(idle), ...grown },
      ],
      note: 'Linear memory of the module and the JavaScript heaps of page and worker after garbage collection.',
    },
    {
      kind: 'bars',
      title: `A body of ${mebibytes} MiB, in pieces of ${SAMPLE_EVERY / MEBIBYTE} MiB`,
      unit: 'kB/s',
      better: 'more',
      rows: [
        { name: 'middle piece', value: median(rates) },
        {
          name: 'slowest piece',
          value: Math.min(...rates),
          goal: FLAT * median(rates),
          baseline: { name: 'the middle one', value: median(rates) },
        },
      ],
      note: 'Shaping off. The heaps are looked at between the pieces, while the stream goes on below.',
    },
  ];
}
