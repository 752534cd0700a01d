// What others can see of a user: the wire to the gateway, the console, the headers that servers get,
// and every connection and name of a browser whose tunnel fails in each way that it can.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { adminOf, startInternet, UNSHAPED } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';
import type { SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Client, loadModule, PLATFORM } from './support/engine-hosts.ts';
import type { MixGlobal } from './support/mix-global.ts';

declare const mix: MixGlobal;
declare global {
  /** Interfaces that could leave the page beside the tunnel, as far as somebody used them. */
  var used: string[];
}

const HEADS = 'heads.example';

let internet: Awaited<ReturnType<typeof startInternet>>;
let module: Awaited<ReturnType<typeof loadModule>>;
/** Heads of requests as they arrived, names and values in turn. */
const heads: string[][] = [];
const server = createServer((request, response) => {
  heads.push(request.rawHeaders);
  response.end('taken');
});
server.on('upgrade', (request, socket) => {
  heads.push(request.rawHeaders);
  socket.destroy();
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  internet = await startInternet({
    hosts: () =>
      Promise.resolve([{ names: [HEADS], address: '198.60.22.61', ports: { 80: port } }]),
  });
  module = await loadModule();
});
afterAll(async () => {
  await internet.stop();
  server.close();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const options = (extra: SetupMixTunnelOpts = {}): SetupMixTunnelOpts => ({
  ...internet.tunnel,
  ...UNSHAPED,
  ...extra,
});
const entries = (): number[] => (internet.localnet.entries as { id: number }[]).map(({ id }) => id);
const actOnEntries = (action: string, body = {}): Promise<unknown> =>
  Promise.all(entries().map((id) => adminOf(internet.localnet).act(id, action, body)));

/** A day of a user: large and small, up and down, names, sockets, failures, a lost gateway. */
async function live(client: Client): Promise<void> {
  await client.until('ready');
  await client.fetch('https://origin.example/page-102400.html');
  await client.fetch('http://origin.example/echo', {
    method: 'POST',
    body: new Uint8Array(50_000),
  });
  await client.echo('ws://sockets.example/echo', 'hello');
  await client.host.lookup('origin.example');
  for (const url of ['https://nowhere.example/', 'https://wrong-host.example/']) {
    await expect(client.fetch(url)).rejects.toBeDefined();
  }
  const before = client.states.length;
  await actOnEntries('cut');
  await client.until('ready', before);
  await client.fetch('https://origin.example/page-1024.html');
  client.end();
}

describe('an engine', () => {
  it('sends frames of one size alone, once it is in', async () => {
    const sizes = new Set<number>();
    let textAfterBinary = 0;
    const client = await Client.start(module, options(), {
      createWebSocket: (url) => {
        const socket = PLATFORM.createWebSocket(url);
        const send = socket.send.bind(socket);
        let seenBinary = false;
        socket.send = (data): void => {
          if (typeof data === 'string') textAfterBinary += seenBinary ? 1 : 0;
          else {
            seenBinary = true;
            sizes.add((data as Uint8Array).byteLength);
          }
          send(data);
        };
        return socket;
      },
    });
    await live(client);
    expect(sizes.size).toBe(1);
    expect(textAfterBinary).toBe(0);
  });

  it('traces names of events and numbers, never a word of the user', async () => {
    const lines: string[] = [];
    vi.spyOn(console, 'debug').mockImplementation((...words: unknown[]) => {
      lines.push(words.join(' '));
    });
    await live(await Client.start(module, options({ debug: true })));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !/^mixweb [a-z0-9_]+(\.[a-z0-9_]+)+ -?\d+$/.test(line))).toEqual(
      [],
    );
  });

  it('says nothing on the console unless told to', async () => {
    const said = (['debug', 'log', 'info', 'warn', 'error'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation(() => undefined),
    );
    await live(await Client.start(module, options()));
    expect(said.flatMap((spy) => spy.mock.calls)).toEqual([]);
  });
});

describe('users of different machines', () => {
  it('look alike to servers', async () => {
    heads.length = 0;
    const client = await Client.start(module, options());
    await client.until('ready');
    await client.fetch(`http://${HEADS}/`);
    await client.echo(`ws://${HEADS}/`, '').catch(() => undefined);
    client.end();

    const pages = await servePages();
    const browser = await launchBrowser('chromium');
    const page = await browser.open(pages.url('index'));
    const session = await page.createCDPSession();
    await session.send('Emulation.setUserAgentOverride', {
      userAgent: 'Netscape 4.7 (of nobody else)',
      acceptLanguage: 'tlh',
      platform: 'Amiga',
    });
    await page.emulateTimezone('Pacific/Kiritimati');
    await page.setExtraHTTPHeaders({ 'x-tell-tale': 'yes' });
    await page.evaluate(
      async (opts, host) => {
        await mix.setupMixTunnel(opts);
        await mix.mixFetch(`http://${host}/`);
        await new mix.MixWebSocket(`ws://${host}/`).closed;
        await mix.disconnectMixTunnel();
      },
      options(),
      HEADS,
    );
    await browser.close();
    await pages.stop();

    const withoutKey = heads.map((head) =>
      head.filter((_, i) => head[i - (i % 2)]?.toLowerCase() !== 'sec-websocket-key'),
    );
    const [fetched, upgraded, fetchedByPage, upgradedByPage] = withoutKey;
    expect(withoutKey).toHaveLength(4);
    expect(fetchedByPage).toEqual(fetched);
    expect(upgradedByPage).toEqual(upgraded);
    const names = withoutKey.flat().map((word) => word.toLowerCase());
    for (const name of ['referer', 'origin', 'cookie', 'x-tell-tale']) {
      expect(names).not.toContain(name);
    }
  });
});

describe('a page whose tunnel fails', () => {
  it('connects to its server, the directory and the gateway, and asks for no name', async () => {
    const pages = await servePages();
    const browser = await launchBrowser('chromium');
    const page = await browser.browser.newPage();
    await page.evaluateOnNewDocument(() => {
      globalThis.used = [];
      const scope = globalThis as unknown as Record<string, unknown>;
      for (const name of ['RTCPeerConnection', 'WebTransport', 'EventSource', 'XMLHttpRequest']) {
        const real = scope[name];
        if (typeof real !== 'function') continue;
        scope[name] = new Proxy(real, {
          construct: (target, args, newTarget) => {
            used.push(name);
            return Reflect.construct(target, args, newTarget) as object;
          },
        });
      }
      navigator.sendBeacon = (): boolean => {
        used.push('sendBeacon');
        return false;
      };
    });
    await page.goto(pages.url('index'));
    const [exit] = internet.localnet.exits as { id: number; ipr: string }[];
    const opts = options({ preferredIpr: exit?.ipr ?? '', connectTimeoutMs: 2000 });

    /** Everything that asks for something outside, each bounded in time. */
    const tryAll = (limitMs = 2000): Promise<number> =>
      page.evaluate(async (limit) => {
        const signal = AbortSignal.timeout(limit);
        const socket = new mix.MixWebSocket('wss://sockets.example/echo', { signal });
        const tries = [
          mix.mixFetch('https://origin.example/page-1024.html', { signal }),
          mix.mixFetch('https://user:secret@origin.example/', { signal }),
          mix.mixFetch('https://nowhere.example/', { signal }),
          mix.mixFetch('https://wrong-host.example/', { signal }),
          mix.mixFetch('http://refused.example:81/', { signal }),
          mix.mixDNS('origin.example', { signal, noCache: true }),
          mix.mixDNSReverse('198.60.22.10', { signal }),
          mix.mixConnect('origin.example', 443, { signal }),
          socket.ready,
        ];
        const ends = await Promise.allSettled(tries);
        return ends.filter(({ status }) => status === 'rejected').length;
      }, limitMs);
    const setUp = (extra: SetupMixTunnelOpts = {}): Promise<string> =>
      page.evaluate(
        (all) =>
          mix.setupMixTunnel(all).then(
            () => 'ready',
            (error: { code: string }) => error.code,
          ),
        { ...opts, ...extra },
      );
    const failed: Record<string, number> = {};

    failed['before set-up'] = await tryAll();
    // No directory; a name that only a resolver outside could know.
    expect(await setUp({ preferredIpr: 'nonsense' })).toBe('BAD_OPTION');
    failed['refused options'] = await tryAll();
    expect(await setUp()).toBe('ready');
    failed['in order'] = await tryAll(50_000);
    await adminOf(internet.localnet).act(exit?.id ?? 0, 'freeze', { on: true });
    failed['silent exit'] = await tryAll();
    await adminOf(internet.localnet).act(exit?.id ?? 0, 'freeze', { on: false });
    await actOnEntries('kill');
    failed['dead gateway'] = await tryAll();
    await page.evaluate(() => mix.disconnectMixTunnel());
    failed['no gateway'] = (await setUp()) === 'ready' ? 0 : await tryAll();
    await actOnEntries('restart');
    await page.evaluate(() => mix.disconnectMixTunnel());
    expect(await setUp()).toBe('ready');
    for (const worker of page.workers()) {
      await worker.evaluate(
        () =>
          void setTimeout(() => {
            throw new Error('a fault of the worker');
          }, 0),
      );
    }
    failed['dead worker'] = await tryAll();

    expect(failed).toEqual({
      'before set-up': 9,
      'refused options': 9,
      'in order': 5, // no page has a password in its URL, nobody answers to some of the names
      'silent exit': 9,
      'dead gateway': 9,
      'no gateway': 9,
      'dead worker': 9,
    });
    expect(await page.evaluate(() => used)).toEqual([]);
    const use = await browser.end();
    await pages.stop();
    const allowed = [
      new URL(pages.url('index')).host,
      new URL(internet.directory).host,
      ...internet.localnet.entries.map((entry: { url: string }) => new URL(entry.url).host),
    ];
    expect(use.addresses.filter((address) => !allowed.includes(address))).toEqual([]);
    const hosts = allowed.map((host) => host.replace(/:\d+$/, ''));
    const foreign = use.names
      .map((name) => name.replace(/^\w+:\/\//, '').replace(/:\d+$/, ''))
      // Chromium calls home on its own account, in every profile.
      .filter((name) => !hosts.includes(name) && !/\.google(apis)?\.com$/.test(name));
    expect(foreign).toEqual([]);
    expect(use.names.length).toBeGreaterThan(0);
  }, 180_000);
});
