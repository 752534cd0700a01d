// Memory of a page that streams a large body in headless Chromium over the local mixnet, shaping
// off: the module's memory, and what lives on the JavaScript heaps of page and worker.
//   npm run bench -- --part memory [--mebibytes N]
/* global mix -- in the page */
import { UNSHAPED } from '@mixweb/testing';

import { withBenchPage } from './lib/bench-page.mjs';

const MIB = 1024 * 1024;
const LIMIT = 24 * MIB;
const SAMPLE_EVERY = 4 * MIB;

/** Bytes in use once garbage is collected. */
async function heapOf(session) {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}

/** Rows of name, value, reference, kind of reference. */
export function benchMemory(mebibytes) {
  return withBenchPage(async (page, tunnel) => {
    const session = await page.createCDPSession();
    await page.evaluate(
      async (options) => {
        await mix.setupMixTunnel(options);
        await (await mix.mixFetch('https://node.example/bytes/1024')).arrayBuffer();
      },
      { ...tunnel, ...UNSHAPED },
    );
    const sample = async () => {
      const module = await page.evaluate(async () => (await mix.getTunnelStats()).memory.wasmBytes);
      const own = await heapOf(session);
      let workers = 0;
      for (const worker of page.workers()) workers += await heapOf(worker.client);
      return { module, own, workers };
    };
    const idle = await sample();
    await page.evaluate(async (size) => {
      const response = await mix.mixFetch(`https://node.example/bytes/${size}`);
      globalThis.streamed = { reader: response.body.getReader(), bytes: 0 };
    }, mebibytes * MIB);
    const read = (until) =>
      page.evaluate(async (goal) => {
        const { streamed } = globalThis;
        while (streamed.bytes < goal) {
          const { done, value } = await streamed.reader.read();
          if (done) return streamed.bytes;
          streamed.bytes += value.byteLength;
        }
        return streamed.bytes;
      }, until);
    const peak = { ...idle };
    const begun = performance.now();
    let bytes = 0;
    while (bytes < mebibytes * MIB) {
      bytes = await read(Math.min(bytes + SAMPLE_EVERY, mebibytes * MIB));
      const now = await sample();
      for (const part of Object.keys(peak)) peak[part] = Math.max(peak[part], now[part]);
    }
    const rate = bytes / (performance.now() - begun);
    const after = await sample();
    const sum = ({ module, own, workers }) => module + own + workers;
    const what = `streaming ${mebibytes} MiB`;
    return [
      ['idle after a first GET: module, kB', idle.module / 1000, (16 * MIB) / 1000, 'limit'],
      ['idle after a first GET: heap of the page, kB', idle.own / 1000, (2 * MIB) / 1000, 'limit'],
      [`${what}: peak above idle, kB`, (sum(peak) - sum(idle)) / 1000, LIMIT / 1000, 'limit'],
      [`${what}: left above idle, kB`, (sum(after) - sum(idle)) / 1000, LIMIT / 1000, 'limit'],
      [`${what}: module afterwards, kB`, after.module / 1000, LIMIT / 1000, 'limit'],
      [`${what}: kB/s`, rate, 1000, 'goal'],
    ];
  });
}
