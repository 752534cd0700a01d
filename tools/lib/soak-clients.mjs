// The clients that tools/soak.mjs keeps busy: one in Node, one in a page. Both do the same three
// things and count the memory of both ends: the caller's heap, the worker's, the module's.
/* global gc, mix, soak -- of node --expose-gc, and in the page */
import { text } from 'node:stream/consumers';

import { mixDNSLookup } from '@mixweb/mix-dns';
import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelState,
  getTunnelStats,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';
import { MixWebSocket } from '@mixweb/mix-websocket';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';

/** Self-contained, since a page is given its text. Each throws what went wrong. */
function operations(api, timeoutMs) {
  const NAME = 'origin.example';
  const SIZE = 1024;
  let socket;
  let sent = 0;
  return {
    async fetch() {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await api.mixFetch(`https://${NAME}/page-${SIZE}.html`, { signal });
      const { byteLength } = await response.arrayBuffer();
      if (byteLength !== SIZE) throw new Error(`fetch: ${byteLength} bytes`);
    },
    async dns() {
      const found = await api.mixDNSLookup(NAME, { noCache: true, timeoutMs });
      if (found.length === 0) throw new Error('dns: no address');
    },
    /** One message there and back on a socket that is opened anew when it broke. */
    async webSocket() {
      socket ??= new api.MixWebSocket('wss://sockets.example/echo');
      const its = socket;
      const message = `message ${(sent += 1)}`;
      let timer;
      const done = new AbortController();
      try {
        await new Promise((resolve, reject) => {
          const { signal } = done;
          const fail = (why) => () => reject(new Error(`webSocket: ${why}`));
          timer = setTimeout(fail('no answer'), timeoutMs);
          its.addEventListener('close', fail('closed'), { signal });
          its.addEventListener(
            'message',
            ({ data }) => {
              if (data === message) resolve();
            },
            { signal },
          );
          if (its.readyState === its.OPEN) its.send(message);
          else if (its.readyState > its.OPEN) fail('closed')();
          else its.addEventListener('open', () => its.send(message), { signal });
        });
      } catch (error) {
        if (socket === its) socket = undefined;
        its.close();
        throw error;
      } finally {
        clearTimeout(timer);
        done.abort();
      }
    },
  };
}

/** Bytes of living objects in a worker thread: a snapshot collects the garbage first. */
async function heapOf(worker) {
  const { snapshot, nodes, strings } = JSON.parse(await text(await worker.getHeapSnapshot()));
  const fields = snapshot.meta.node_fields;
  const [size, name] = ['self_size', 'name'].map((field) => fields.indexOf(field));
  let sum = 0;
  for (let node = 0; node < nodes.length; node += fields.length) {
    // The module's memory is counted by itself.
    if (strings[nodes[node + name]] !== 'system / JSArrayBufferData') sum += nodes[node + size];
  }
  return sum;
}

export async function nodeClient(options, timeoutMs) {
  const workers = new Set();
  process.on('worker', (worker) => {
    workers.add(worker);
    worker.once('exit', () => workers.delete(worker));
  });
  await setupMixTunnel(options);
  return {
    ...operations({ mixFetch, mixDNSLookup, MixWebSocket }, timeoutMs),
    state: async () => (await getTunnelState()).state,
    async memory() {
      const worker = (await Promise.all([...workers].map(heapOf))).reduce((a, b) => a + b, 0);
      const module = (await getTunnelStats()).memory.wasmBytes;
      gc();
      return { page: process.memoryUsage().heapUsed, worker, module };
    },
    stop: () => disconnectMixTunnel(),
  };
}

export async function browserClient(options, timeoutMs) {
  const pages = await servePages();
  const browser = await launchBrowser('chromium');
  const page = await browser.open(pages.url('index'));
  const session = await page.createCDPSession();
  await page.evaluate((opts) => mix.setupMixTunnel(opts), options);
  await page.evaluate(`globalThis.soak = (${String(operations)})(mix, ${timeoutMs})`);
  return {
    fetch: () => page.evaluate(() => soak.fetch()),
    dns: () => page.evaluate(() => soak.dns()),
    webSocket: () => page.evaluate(() => soak.webSocket()),
    state: async () => (await page.evaluate(() => mix.getTunnelState())).state,
    async memory() {
      await session.send('HeapProfiler.collectGarbage');
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      const module = await page.evaluate(async () => (await mix.getTunnelStats()).memory.wasmBytes);
      return { page: usedSize, worker: 0, module };
    },
    async stop() {
      await page.evaluate(() => mix.disconnectMixTunnel());
      await browser.close();
      await pages.stop();
    },
  };
}
