// The main job in Node: the same packages in a worker thread.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';

import { createMixFetch, mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getMixTunnel,
  getTunnelInfo,
  getTunnelState,
  getTunnelStats,
  MixError,
  onTunnelState,
  onTunnelStats,
  setupMixTunnel,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';
import { ADDRESSES, startInternet } from '@mixweb/testing';
import { PAGE_SIZES, pageBytes } from '@mixweb/testing/origin';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let internet: Awaited<ReturnType<typeof startInternet>>;
const options = (extra: SetupMixTunnelOpts = {}): SetupMixTunnelOpts => ({
  ...internet.tunnel,
  ...extra,
});

beforeAll(async () => {
  internet = await startInternet();
});
afterAll(async () => {
  await internet.stop();
});

describe('mixFetch in Node', () => {
  beforeAll(async () => {
    await setupMixTunnel(options());
  });
  afterAll(async () => {
    await disconnectMixTunnel();
  });

  it.each(PAGE_SIZES)('returns a page of %i bytes byte for byte', async (size) => {
    const response = await mixFetch(`https://origin.example/page-${size}.html`);
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(200);
    const body = new Uint8Array(await response.arrayBuffer());
    expect(body.byteLength).toBe(size);
    expect(sha256(body)).toBe(sha256(pageBytes(size)));
  });

  it.each([
    ['a string', 'plain text'],
    ['bytes', new Uint8Array([0, 1, 2, 253, 254, 255])],
    ['a Blob', new Blob(['from a blob'])],
    ['form fields', new URLSearchParams({ a: '1', b: 'ü' })],
    ['100 kB', new Uint8Array(100_000).fill(7)],
  ])('posts %s and gets it echoed', async (_, body) => {
    const response = await mixFetch('https://origin.example/echo', { method: 'POST', body });
    const expected = new Uint8Array(await new Response(body).arrayBuffer());
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(expected);
  });

  it('keeps repeated header fields and the Set-Cookie field', async () => {
    const response = await mixFetch('https://origin.example/echo');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.clone().headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it.each([204, 304])('has no body object for status %i', async (status) => {
    const response = await mixFetch(`https://origin.example/echo/status/${status}`);
    expect(response.status).toBe(status);
    expect(response.body).toBeNull();
  });

  it('resolves for 404 and 500', async () => {
    expect((await mixFetch('https://origin.example/nothing-here')).status).toBe(404);
    expect((await mixFetch('https://origin.example/echo/status/500')).status).toBe(500);
  });

  it('follows a redirect, refuses it, or hands it over', async () => {
    const url = 'https://origin.example/echo?to=/page-1.html';
    const followed = await mixFetch(url);
    expect(followed.redirected).toBe(true);
    expect(followed.url).toBe('https://origin.example/page-1.html');
    const manual = await mixFetch(url, { redirect: 'manual' });
    expect([manual.status, manual.headers.get('location')]).toEqual([302, '/page-1.html']);
    await expect(mixFetch(url, { redirect: 'error' })).rejects.toMatchObject({ code: 'REDIRECT' });
  });

  it('speaks plain http, and IPv6 by literal and by name', async () => {
    expect((await mixFetch('http://origin.example/page-1.html')).status).toBe(200);
    const literal = await mixFetch(`https://[${ADDRESSES.origin6}]/page-1.html`);
    expect(literal.status).toBe(200);
    const failure = await mixFetch('https://six.example/').catch((error: unknown) => error);
    expect(failure).toMatchObject({ detail: 'tls_cert_wrong_host' }); // it was reached over IPv6
  });

  it('reuses the connection for the next request', async () => {
    await (await mixFetch('https://origin.example/page-1.html')).text();
    const second = await mixFetch('https://origin.example/page-1.html');
    await second.text();
    expect(mixFetch.timing(second)).toMatchObject({ reused: true });
  });

  it('aborts before, during and after the head', async () => {
    await expect(
      mixFetch('https://origin.example/', { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    const during = new AbortController();
    const pending = mixFetch('https://origin.example/', { signal: during.signal });
    during.abort(new Error('changed my mind'));
    await expect(pending).rejects.toThrow('changed my mind');
    const after = new AbortController();
    const response = await mixFetch('https://origin.example/page-1048576.html', {
      signal: after.signal,
    });
    after.abort();
    await expect(response.text()).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('runs requests to different hosts at the same time', async () => {
    const urls = ['https://origin.example/page-1024.html', 'https://www.example/page-1024.html'];
    const answers = await Promise.all(urls.map(async (url) => (await mixFetch(url)).text()));
    expect(answers.map((text) => text.length)).toEqual([1024, 1024]);
  });

  it('tells who is on the path', async () => {
    const info = await getTunnelInfo();
    expect(info.mtu).toBeGreaterThanOrEqual(1280);
    expect(info.ipv4).toMatch(/^10\.0\./);
  });

  it('counts what was sent, and tells it again and again when asked to', async () => {
    await (await mixFetch('https://origin.example/page-1024.html')).text();
    // Another port: another connection, but the name is known.
    await (await mixFetch('http://origin.example/page-1024.html')).text();
    const stats = await getTunnelStats();
    const figure = expect.any(Number) as number;
    expect(stats).toEqual({
      uptimeMs: figure,
      setup: {
        worker: figure,
        keys: figure,
        directory: figure,
        gateway: figure,
        register: figure,
        topology: figure,
        exit: figure,
        ready: figure,
      },
      sphinx: {
        sentReal: figure,
        sentCover: figure,
        sentLoop: figure,
        sentAcks: figure,
        received: figure,
        retransmitted: figure,
        lost: 0,
        queue: figure,
      },
      surbs: { sent: figure, atExitEstimate: figure, requested: figure },
      ip: {
        packetsOut: figure,
        bytesOut: figure,
        packetsIn: figure,
        bytesIn: figure,
        droppedOut: 0,
      },
      tcp: { open: figure, retransmits: figure, srttMs: figure },
      http: { active: 0, pooled: figure, total: figure },
      ws: { open: 0 },
      dns: { hits: figure, misses: figure },
      rtt: { minMs: figure, medianMs: figure, p95Ms: figure },
      memory: { wasmBytes: figure },
    });
    const { sphinx, setup, rtt } = stats;
    expect(sphinx.sentAcks).toBe(
      sphinx.sentReal + sphinx.retransmitted + sphinx.sentCover + sphinx.sentLoop,
    );
    for (const count of [sphinx.sentReal, sphinx.sentCover, sphinx.sentLoop, sphinx.received]) {
      expect(count).toBeGreaterThan(0);
    }
    const { ready, ...steps } = setup;
    const sum = Object.values(steps).reduce((total, ms) => total + ms, 0);
    expect(sum).toBeCloseTo(ready, 3);
    // Eight mixes and back take their means, 15 ms each, more or less.
    expect(rtt?.medianMs).toBeGreaterThan(30);
    expect(stats.tcp.srttMs).toBeGreaterThan(30);
    expect(stats.dns.hits).toBeGreaterThan(0);
    expect(stats.http.total).toBeGreaterThan(stats.http.pooled);

    const controller = new AbortController();
    const told = await new Promise<number[]>((resolve) => {
      const uptimes: number[] = [];
      onTunnelStats(
        ({ uptimeMs }) => {
          uptimes.push(uptimeMs);
          if (uptimes.length < 3) return;
          controller.abort();
          resolve(uptimes);
        },
        { intervalMs: 50, signal: controller.signal },
      );
    });
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(told[0]).toBeGreaterThan(stats.uptimeMs);
    expect(() => onTunnelStats(() => undefined, { intervalMs: 0 })).toThrow(RangeError);
  });

  it('offers the worker interface of the reference', async () => {
    const worker = await getMixTunnel();
    expect(await worker.getTunnelState()).toEqual({ state: 'ready' });
    expect(await worker.mixDNS('origin.example')).toBe(ADDRESSES.origin4);
    const answer = await worker.mixFetch('https://origin.example/page-1024.html', {});
    expect(answer.status).toBe(200);
    expect(sha256(answer.body)).toBe(sha256(pageBytes(1024)));
  });

  it('refuses a second set-up while one lives', async () => {
    await expect(setupMixTunnel(options())).rejects.toThrow(
      /^tunnel error: tunnel already initialised/,
    );
    await expect(createMixFetch(options())).rejects.toMatchObject({ code: 'ALREADY_SET_UP' });
    const other = options({ reuse: 'share', maxRedirects: 7 });
    await expect(setupMixTunnel(other)).rejects.toMatchObject({ code: 'ALREADY_SET_UP' });
  });

  it('shares the tunnel when asked to and the options agree', async () => {
    await expect(setupMixTunnel(options({ reuse: 'share' }))).resolves.toBeUndefined();
  });
});

describe('failures of a request', () => {
  beforeAll(async () => {
    await setupMixTunnel(options());
  });
  afterAll(async () => {
    await disconnectMixTunnel();
  });

  it.each([
    ['an expired certificate', 'https://origin.example:8443/', 'TLS_CERTIFICATE', /expired/],
    ['a certificate for another host', 'https://wrong-host.example/', 'TLS_CERTIFICATE', /host/],
    ['an unknown name', 'https://nowhere.example/', 'DNS_NOT_FOUND', /nowhere\.example/],
    ['a refused port', 'https://refused.example/', 'CONNECT_REFUSED', /refused/],
    ['a server that closes early', 'https://origin.example/early-close', 'HTTP_TRUNCATED', /clos/],
    ['a relative URL', '/page.html', 'BAD_URL', /relative URL without a base/],
    ['another scheme', 'ftp://origin.example/', 'BAD_SCHEME', /unsupported scheme/],
  ])('%s rejects with its own code', async (_, url, code, text) => {
    const error = await mixFetch(url, { connectTimeout: 10_000 }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(MixError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(text);
    expect(await getTunnelState()).toEqual({ state: 'ready' });
  });

  it('an unknown authority rejects with TLS_CERTIFICATE', async () => {
    await disconnectMixTunnel();
    await setupMixTunnel({ nymApiUrl: internet.directory, forceTls: false });
    const error = await mixFetch('https://origin.example/').catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'TLS_CERTIFICATE', detail: 'tls_cert_unknown_ca' });
  });
});

describe('the life of a tunnel', () => {
  afterEach(async () => {
    await disconnectMixTunnel();
  });

  it('is connecting before set-up, and refuses work', async () => {
    await expect(mixFetch('https://origin.example/')).rejects.toMatchObject({ code: 'NOT_READY' });
    await expect(disconnectMixTunnel()).resolves.toBeUndefined();
  });

  it('can be set up and ended again and again', async () => {
    for (let round = 0; round < 3; round++) {
      await setupMixTunnel(options());
      expect((await mixFetch('https://origin.example/page-1.html')).status).toBe(200);
      const states: string[] = [];
      const stop = onTunnelState(({ state }) => states.push(state));
      await disconnectMixTunnel();
      expect(await getTunnelState()).toEqual({ state: 'shutdown' });
      stop();
      // Each once and in order; nothing comes after the end.
      expect(states).toEqual(['shutting_down', 'shutdown']);
    }
  });

  it('ends running requests at a disconnect', async () => {
    await setupMixTunnel(options());
    const response = await mixFetch('https://origin.example/page-1048576.html');
    const outcome = response.text().catch((cause: unknown) => cause);
    await disconnectMixTunnel();
    expect(await outcome).toMatchObject({ code: 'ABORTED' });
  });

  it('aborts a set-up by its signal', async () => {
    const controller = new AbortController();
    const stop = onTunnelState(({ step }) => {
      if (step === 'gateway') controller.abort(new Error('no longer wanted'));
    });
    await expect(setupMixTunnel(options({ signal: controller.signal }))).rejects.toThrow(
      'no longer wanted',
    );
    stop();
    await setupMixTunnel(options());
    expect(await getTunnelState()).toEqual({ state: 'ready' });
  });

  it('works without traffic shaping and with the legacy packet format', async () => {
    await setupMixTunnel(
      options({
        disablePoissonTraffic: true,
        disableCoverTraffic: true,
        useLegacySphinxFormat: true,
      }),
    );
    expect((await mixFetch('https://origin.example/page-102400.html')).status).toBe(200);
  });

  it.each(['noCoverWithKeepAlive', 'medium', 'fast'] as const)(
    'works with the traffic preset %s',
    async (preset) => {
      await setupMixTunnel(options({ traffic: { preset } }));
      const response = await mixFetch('https://origin.example/page-102400.html');
      expect((await response.arrayBuffer()).byteLength).toBe(102_400);
    },
  );

  it('does not load the modules that the program is started with', async () => {
    const preloaded = `import { isMainThread } from 'node:worker_threads';
      if (!isMainThread) throw new Error('loaded in a worker');`;
    const program = `import { disconnectMixTunnel, setupMixTunnel } from '@mixweb/mix-tunnel';
      await setupMixTunnel(${JSON.stringify(options())});
      await disconnectMixTunnel();
      console.log('done');`;
    const preload = ['--import', `data:text/javascript,${encodeURIComponent(preloaded)}`];
    const flags = [...preload, '--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, flags, {
      cwd: import.meta.dirname,
    });
    expect(stdout).toBe('done\n');
  });

  it.each<[keyof SetupMixTunnelOpts, unknown]>([
    ['maxRedirects', 256],
    ['openReplySurbs', -1],
    ['tcpBufferSize', 1.5],
    ['mtu', 576],
    ['dnsTimeoutMs', Number.NaN],
    ['traffic', { preset: 'slow' }],
    ['traffic', { averagePacketDelayMs: -1 }],
  ])('refuses %s out of range', async (name, value) => {
    await expect(setupMixTunnel({ ...options(), [name]: value })).rejects.toBeInstanceOf(
      RangeError,
    );
  });

  it.each<[string, SetupMixTunnelOpts, RegExp]>([
    ['preferredIpr', { preferredIpr: 'not.an@address' }, /invalid IPR address: not\.an@address/],
    ['preferredGateway', { preferredGateway: 'xyz' }, /invalid gateway identity/],
    ['primaryDns', { primaryDns: 'dns.example' }, /primaryDns/],
    ['extraRoots', { extraRoots: 'no certificate' }, /extraRoots/],
    ['nymApiUrl', { nymApiUrl: 'not a url' }, /nymApiUrl/],
  ])('refuses a malformed %s', async (_, bad, text) => {
    const error = await setupMixTunnel({ ...options(), ...bad }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'BAD_OPTION' });
    expect((error as Error).message).toMatch(text);
  });
});
