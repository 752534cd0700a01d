// The main jobs in real browsers, the same in each: HTTPS pages byte for byte, names and WebSockets
// through the local mixnet.
import { createHash } from 'node:crypto';

import { ADDRESSES, startInternet } from '@mixweb/testing';
import {
  BROWSERS,
  launchBrowser,
  launchPage,
  servePages,
  type TestPage,
} from '@mixweb/testing/browsers';
import { PAGE_SIZES, pageBytes } from '@mixweb/testing/origin';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { MixGlobal } from './support/mix-global.ts';

declare const mix: MixGlobal;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let internet: Awaited<ReturnType<typeof startInternet>>;
let pages: Awaited<ReturnType<typeof servePages>>;

beforeAll(async () => {
  internet = await startInternet();
  pages = await servePages();
});
afterAll(async () => {
  await pages.stop();
  await internet.stop();
});

/** What a page fetched, in a form that crosses back to the test. */
async function fetchInPage(
  page: TestPage,
  url: string,
  init: RequestInit = {},
): Promise<{
  status: number;
  statusText: string;
  isResponse: boolean;
  url: string;
  headers: [string, string][];
  bytes: number;
  sha256: string;
}> {
  return page.evaluate(
    async (target, options) => {
      const response = await mix.mixFetch(target, options);
      const body = await response.arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      return {
        status: response.status,
        statusText: response.statusText,
        isResponse: response instanceof Response,
        url: response.url,
        headers: [...response.headers] as [string, string][],
        bytes: body.byteLength,
        sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
      };
    },
    url,
    init,
  );
}

describe.each(BROWSERS)('the packages in %s', (name) => {
  let browser: Awaited<ReturnType<typeof launchPage>>;
  let page: TestPage;

  beforeAll(async () => {
    browser = await launchPage(name);
    ({ page } = browser);
    await browser.open(pages.url('index'));
    await page.evaluate(
      (directory, roots) =>
        mix.setupMixTunnel({ nymApiUrl: directory, extraRoots: roots, forceTls: false }),
      internet.directory,
      internet.authority.pem,
    );
  });
  afterAll(async () => {
    await browser.close();
  });

  it('is ready', async () => {
    expect(await page.evaluate(() => mix.getTunnelState())).toEqual({ state: 'ready' });
    const info = await page.evaluate(() => mix.getTunnelInfo());
    expect(info.exit).toMatch(/^[1-9A-Za-z]+\.[1-9A-Za-z]+@[1-9A-Za-z]+$/);
    expect(info.exitVersion).toBe(10);
  });

  it.each(PAGE_SIZES)('returns a page of %i bytes as nginx serves it', async (size) => {
    const url = `https://origin.example/page-${size}.html`;
    const answer = await fetchInPage(page, url);
    expect(answer).toMatchObject({
      status: 200,
      statusText: 'OK',
      isResponse: true,
      url,
      bytes: size,
      sha256: sha256(pageBytes(size)),
    });
    const headers = new Map(answer.headers);
    expect(headers.get('content-type')).toBe('text/html');
    expect(headers.get('content-length')).toBe(String(size));
    expect(headers.get('server')).toMatch(/^nginx/);
  });

  it('posts a body and gets it echoed', async () => {
    const body = 'how much is the fish? ±∞';
    const answer = await fetchInPage(page, 'https://origin.example/echo', {
      method: 'POST',
      body,
      headers: { 'X-Test': 'yes' },
    });
    expect(answer.status).toBe(200);
    expect(answer.sha256).toBe(sha256(Buffer.from(body)));
    const headers = new Map(answer.headers);
    expect(headers.get('x-method')).toBe('POST');
    expect(headers.get('x-request-headers')).toContain('"X-Test","yes"');
    expect(headers.get('x-request-headers')).toContain('"Accept-Encoding","gzip, deflate, br"');
  });

  it('reaches an IPv6 literal', async () => {
    const answer = await fetchInPage(page, `https://[${ADDRESSES.origin6}]/page-1024.html`);
    expect(answer).toMatchObject({ status: 200, bytes: 1024 });
  });

  it('is seen by the server as the exit, never as this machine', () => {
    const sources = new Set(internet.origin.requests().map((line) => line.split(' ')[0]));
    expect([...sources].filter((source) => source !== ADDRESSES.exit && source !== '::1')).toEqual(
      [],
    );
  });

  it('rejects with a MixError for a bad certificate', async () => {
    const failure = await page.evaluate(async () => {
      try {
        await mix.mixFetch('https://wrong-host.example/');
        return undefined;
      } catch (error) {
        const {
          name: errorName,
          code,
          detail,
          phase,
        } = error as InstanceType<MixGlobal['MixError']>;
        return { errorName, code, detail, phase, isError: error instanceof Error };
      }
    });
    expect(failure).toEqual({
      errorName: 'MixError',
      code: 'TLS_CERTIFICATE',
      detail: 'tls_cert_wrong_host',
      phase: 'tls',
      isError: true,
    });
  });

  it('resolves names', async () => {
    const answers = await page.evaluate(async () => ({
      address: await mix.mixDNS('origin.example'),
      six: (await mix.mixDNSResolve('origin.example', 'AAAA')).records,
      missing: await mix.mixDNS('nowhere.example').catch((error: unknown) => {
        return (error as InstanceType<MixGlobal['MixError']>).code;
      }),
    }));
    expect(answers).toEqual({
      address: ADDRESSES.origin4,
      six: [ADDRESSES.origin6],
      missing: 'DNS_NOT_FOUND',
    });
  });

  it.each(['ws', 'wss'])('echoes text and bytes over %s', async (scheme) => {
    const heard = await page.evaluate(async (url) => {
      const socket = new mix.MixWebSocket(url);
      const next = (): Promise<unknown> =>
        new Promise((resolve) => {
          socket.onmessage = (event): void => resolve(event.data);
        });
      await socket.ready;
      const text = next();
      await socket.send('how much is the fish? ±∞');
      const spoken = await text;
      const bytes = next();
      await socket.send(new Uint8Array([0, 1, 254, 255]));
      const received = [...new Uint8Array((await bytes) as ArrayBuffer)];
      await socket.close(3000, 'enough');
      return { spoken, received, end: await socket.closed };
    }, `${scheme}://sockets.example/echo`);
    expect(heard).toEqual({
      spoken: 'how much is the fish? ±∞',
      received: [0, 1, 254, 255],
      end: { code: 3000, reason: 'enough', wasClean: true },
    });
  });

  it('can be set up again after a disconnect', async () => {
    const states = await page.evaluate(
      async (directory, roots) => {
        await mix.disconnectMixTunnel();
        const after = await mix.getTunnelState();
        const seen: string[] = [];
        await mix.setupMixTunnel({
          nymApiUrl: directory,
          extraRoots: roots,
          forceTls: false,
          onState: ({ step }) => void (step !== undefined && seen.push(step)),
        });
        return { after: after.state, seen };
      },
      internet.directory,
      internet.authority.pem,
    );
    expect(states.after).toBe('shutdown');
    expect(states.seen).toEqual([
      'worker',
      'keys',
      'directory',
      'gateway',
      'register',
      'topology',
      'exit',
      'ready',
    ]);
    const answer = await fetchInPage(page, 'https://origin.example/page-1.html');
    expect(answer).toMatchObject({ status: 200, bytes: 1 });
  });
});

describe('the connections of the page', () => {
  it('are those to the page server, the directory and the gateway, and no others', async () => {
    const browser = await launchBrowser('chromium');
    const page = await browser.open(pages.url('index'));
    await page.evaluate(
      async (directory, roots) => {
        await mix.setupMixTunnel({ nymApiUrl: directory, extraRoots: roots, forceTls: false });
        await (await mix.mixFetch('https://origin.example/page-1024.html')).text();
        await mix.mixFetch('https://nowhere.example/').catch(() => undefined);
        await mix.disconnectMixTunnel();
      },
      internet.directory,
      internet.authority.pem,
    );
    const addresses = await browser.close();
    const allowed = [
      new URL(pages.url('index')).host,
      new URL(internet.directory).host,
      ...internet.localnet.entries.map((entry: { url: string }) => new URL(entry.url).host),
    ];
    expect(addresses.filter((address) => !allowed.includes(address))).toEqual([]);
    expect(addresses).toContain(new URL(internet.directory).host);
  });
});
