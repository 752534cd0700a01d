// Platforms that fail below a tunnel: sockets and calls that throw, memory that ends, worker threads
// that die, clocks that are set. Each ends in a typed error, and in a tunnel that can start again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { mixDNS } from '@mixweb/mix-dns';
import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelState,
  getTunnelStats,
  onTunnelState,
  setupMixTunnel,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';
import { mixConnect, mixUdp, MixWebSocket } from '@mixweb/mix-websocket';
import { adminOf, startInternet, temporaryFolder, UNSHAPED } from '@mixweb/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Platform } from '../../worker/src/engine-host.ts';
import { Client, loadModule, PLATFORM } from './support/engine-hosts.ts';

const PAGE_URL = 'https://origin.example/page-1024.html';

let internet: Awaited<ReturnType<typeof startInternet>>;
let module: Awaited<ReturnType<typeof loadModule>>;
const clients: Client[] = [];
const options = (extra: SetupMixTunnelOpts = {}): SetupMixTunnelOpts => ({
  ...internet.tunnel,
  ...UNSHAPED,
  ...extra,
});

beforeAll(async () => {
  internet = await startInternet();
  module = await loadModule();
});
afterAll(() => internet.stop());
afterEach(() => {
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) client.end();
});

async function start(
  platform: Partial<Platform> = {},
  extra: SetupMixTunnelOpts = {},
): Promise<Client> {
  const client = await Client.start(module, options(extra), platform);
  clients.push(client);
  return client;
}
async function expectWorks(client: Client): Promise<void> {
  expect((await client.fetch(PAGE_URL)).body).toHaveLength(1024);
}
/** A tunnel that fails to start, with this code; on a good platform the next one works. */
async function expectFailure(client: Client, code: string): Promise<void> {
  await expect(client.until('ready')).rejects.toThrow();
  expect(client.states.at(-1)).toMatchObject({ state: 'failed', error: { code } });
  const next = await start();
  await next.until('ready');
  await expectWorks(next);
}
const thrown = (): never => {
  throw new DOMException('not here', 'SecurityError');
};

describe('WebSockets that', () => {
  it('cannot be made end the set-up', async () => {
    await expectFailure(await start({ createWebSocket: thrown }), 'GATEWAY_UNREACHABLE');
  });

  it('cannot be made for a while are tried again', async () => {
    let failures = 0;
    let refuses = false;
    const client = await start(
      {
        createWebSocket: (url) => {
          if (!refuses) return PLATFORM.createWebSocket(url);
          failures++;
          return thrown();
        },
      },
      { reconnect: { minDelayMs: 50, maxDelayMs: 100 } },
    );
    await client.until('ready');
    refuses = true;
    const before = client.states.length;
    await Promise.all(
      (internet.localnet.entries as { id: number }[]).map(({ id }) =>
        adminOf(internet.localnet).act(id, 'cut'),
      ),
    );
    await vi.waitFor(() => expect(failures).toBeGreaterThan(2), { timeout: 30_000 });
    refuses = false;
    await client.until('ready', before);
    await expectWorks(client);
  });
});

describe('directory calls', () => {
  it('that throw, reject or break off end the set-up', async () => {
    const calls: Platform['fetch'][] = [
      thrown,
      () => Promise.reject(new TypeError('Failed to fetch')),
      () => Promise.resolve(brokenBody()),
    ];
    await Promise.all(
      calls.map(async (call) => expectFailure(await start({ fetch: call }), 'SETUP_FAILED')),
    );
  });
});

function brokenBody(): Response {
  return new Response(
    new ReadableStream({ pull: (controller) => controller.error(new TypeError('network')) }),
  );
}

describe('storage that', () => {
  it.each<[string, Platform['openKeyStore']]>([
    ['throws', thrown],
    [
      'rejects',
      () => ({
        load: () => Promise.reject(new DOMException('no', 'NotAllowedError')),
        save: () => Promise.reject(new DOMException('full', 'QuotaExceededError')),
        remove: () => Promise.reject(new DOMException('no', 'NotAllowedError')),
      }),
    ],
  ])('%s costs the kept keys and nothing else', async (_, openKeyStore) => {
    const client = await start({ openKeyStore }, { clientId: 'kept' });
    await client.until('ready');
    await expectWorks(client);
    expect(client.warnings.map(({ code }) => code)).toContain('STORAGE');
  });
});

describe('memory that ends', () => {
  it('fails everything that waits, once, and the next tunnel works', async () => {
    const client = await start();
    await client.until('ready');
    const news: string[] = [];
    client.host.openChannel({ kind: 'udp' }, ({ kind }) => void news.push(kind));
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded');
    });
    const body = new Uint8Array(64 << 20);
    await expect(client.fetch(PAGE_URL, { method: 'POST', body })).rejects.toMatchObject({
      code: 'WORKER_CRASHED',
    });
    expect(grow).toHaveBeenCalled();
    expect(client.states.at(-1)).toMatchObject({
      state: 'failed',
      error: { code: 'WORKER_CRASHED' },
    });
    expect(news).toEqual(['socketOpen', 'failed']);
    await expect(client.fetch(PAGE_URL)).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
    vi.restoreAllMocks();
    const next = await start();
    await next.until('ready');
    await expectWorks(next);
  });
});

describe('a wall clock that', () => {
  const YEAR = 365 * 24 * 3_600_000;
  it.each([
    ['back', -YEAR],
    ['on', YEAR],
  ])('is set %s by a year decides on certificates and ends nothing', async (_, by) => {
    const client = await start();
    await client.until('ready');
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() + by);
    client.host.wake();
    expect((await client.fetch('http://origin.example/page-1024.html')).status).toBe(200);
    await expect(client.fetch(PAGE_URL)).rejects.toMatchObject({ code: 'TLS_CERTIFICATE' });
    vi.restoreAllMocks();
    client.host.wake();
    await expectWorks(client);
  });
});

describe('a worker thread that', () => {
  const folder = temporaryFolder('fault-injection');
  const real = new URL('../../packages/mix-tunnel/dist/node-worker.js', import.meta.url);
  /** The real worker, in a thread that ends as told. */
  const mortal = join(folder.path, 'mortal-worker.mjs');
  writeFileSync(
    mortal,
    `import ${JSON.stringify(fileURLToPath(real))};
    new BroadcastChannel('fault').onmessage = ({ data }) => {
      if (data === 'exit') process.exit(3);
      throw new Error('a fault of the worker');
    };`,
  );
  const fault = new BroadcastChannel('fault');
  afterAll(() => {
    fault.close();
    folder.dispose();
  });
  afterEach(() => disconnectMixTunnel());

  it.each(['exit', 'throw'])('dies (%s) is told to everybody who waits', async (how) => {
    await setupMixTunnel(options({ workerUrl: mortal }));
    const told: string[] = [];
    onTunnelState(({ state }) => void told.push(state));
    const udp = await mixUdp();
    const socket = new MixWebSocket('ws://sockets.example/echo');
    const events: string[] = [];
    for (const type of ['open', 'error', 'close']) {
      socket.addEventListener(type, () => void events.push(type));
    }
    await socket.ready;
    const tcp = await mixConnect('sockets.example', 7);
    const waiting = [
      mixFetch('https://origin.example/silent'),
      mixDNS('silent.example'),
      udp.readable.getReader().read(),
      tcp.readable.getReader().read(),
      tcp.closed,
      socket.ping(),
    ];
    for (const promise of waiting) promise.catch(() => undefined); // looked at below
    fault.postMessage(how);
    for (const promise of waiting) {
      await expect(promise).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
    }
    expect(await socket.closed).toMatchObject({ code: 1006, wasClean: false });
    expect(events).toEqual(['open', 'error', 'close']);
    expect(await getTunnelState()).toMatchObject({
      state: 'failed',
      reason: { kind: 'task_panicked' },
    });
    expect(told.filter((state) => state === 'failed')).toHaveLength(1);
    expect(told.at(-1)).toBe('failed');
    await expect(mixFetch(PAGE_URL)).rejects.toMatchObject({ code: 'NOT_READY' });
    await expect(getTunnelStats()).rejects.toMatchObject({ name: 'MixError' });

    await setupMixTunnel(options());
    expect(await (await mixFetch(PAGE_URL)).text()).toHaveLength(1024);
  });

  it('dies during the set-up ends that, and the next one works', async () => {
    const failing = join(folder.path, 'failing-worker.mjs');
    writeFileSync(failing, `throw new Error('it does not even load');`);
    await expect(setupMixTunnel(options({ workerUrl: failing }))).rejects.toMatchObject({
      code: 'SETUP_FAILED',
    });
    expect(await getTunnelState()).toMatchObject({ state: 'failed', reason: { kind: 'setup' } });
    await setupMixTunnel(options());
    expect(await (await mixFetch(PAGE_URL)).text()).toHaveLength(1024);
  });
});
