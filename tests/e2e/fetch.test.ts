// mixFetch as web apps use fetch: bodies, redirects, codings, HTTP/2, the pool, and servers that
// break the rules, through a whole local mixnet.
import { createHash } from 'node:crypto';

import { createMixFetch, installGlobalFetch, MixError, mixFetch } from '@mixweb/mix-fetch';
import { createCookieJar } from '@mixweb/mix-fetch/cookies';
import { disconnectMixTunnel, getTunnelStats, setupMixTunnel } from '@mixweb/mix-tunnel';
import { startInternet, UNSHAPED } from '@mixweb/testing';
import { PLAIN, RPC_HOSTS, startBehaviours } from '@mixweb/testing/behaviours';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

type Behaviours = Awaited<ReturnType<typeof startBehaviours>>;
let internet: Awaited<ReturnType<typeof startInternet>>;
let servers: Behaviours;
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );

beforeAll(async () => {
  internet = await startInternet({
    hosts: async (authority) => {
      servers = await startBehaviours(authority);
      return servers.hosts;
    },
  });
  await setupMixTunnel({ ...internet.tunnel, ...UNSHAPED });
});
afterAll(async () => {
  await disconnectMixTunnel();
  await servers.stop();
  await internet.stop();
});
beforeEach(() => {
  servers.log.requests.length = 0;
});

const KINDS = [
  'http://node.example',
  'https://node.example',
  'https://h2.example',
  'https://nginx.example',
];

describe.each(KINDS)('over %s', (origin) => {
  const form = (): FormData => {
    const data = new FormData();
    data.append('field', 'välue');
    data.append('file', new File(['file content'], 'name.txt', { type: 'text/plain' }));
    return data;
  };
  it.each<[string, () => BodyInit, RegExp, string]>([
    ['a string', () => 'täxt', /^text\/plain;charset=UTF-8$/i, 'täxt'],
    ['an ArrayBuffer', () => new TextEncoder().encode('buffer').buffer, /octet/, 'buffer'],
    ['a view', () => new Uint8Array([120, 121, 122]).subarray(1), /octet/, 'yz'],
    ['a Blob', () => new Blob(['blob'], { type: 'text/x-blob' }), /^text\/x-blob$/, 'blob'],
    ['a File', () => new File(['file'], 'f', { type: 'a/b' }), /^a\/b$/, 'file'],
    ['URLSearchParams', () => new URLSearchParams({ a: '1 2' }), /x-www-form-urlencoded/, 'a=1+2'],
  ])('sends %s with its type and length', async (_, body, type, text) => {
    const response = await mixFetch(`${origin}/echo`, { method: 'POST', body: body() });
    expect(response.headers.get('content-type')).toMatch(type);
    expect(response.headers.get('x-request-length')).toBe(String(Buffer.byteLength(text)));
    expect(await response.text()).toBe(text);
  });

  it('sends a form with files', async () => {
    const response = await mixFetch(`${origin}/echo`, { method: 'POST', body: form() });
    expect(response.headers.get('content-type')).toMatch(/^multipart\/form-data; boundary=/);
    const back = await response.formData();
    expect(back.get('field')).toBe('välue');
    expect(await (back.get('file') as File).text()).toBe('file content');
  });

  it('streams a body that nobody knows the length of', async () => {
    const chunks = ['one ', 'two ', '', 'three'];
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = chunks.shift();
        if (next === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(next));
      },
    });
    const response = await mixFetch(`${origin}/echo`, { method: 'POST', body, duplex: 'half' });
    expect(response.headers.get('x-request-length')).toBe('none');
    expect(await response.text()).toBe('one two three');
  });

  it('streams a large Blob with its length, and tells how far it is', async () => {
    const bytes = new Uint8Array(280_000).map((_, i) => i * 7);
    const heard: number[] = [];
    const response = await mixFetch(`${origin}/hash`, {
      method: 'PUT',
      body: new Blob([bytes]),
      onUploadProgress: ({ loaded, total }) => {
        expect(total).toBe(bytes.byteLength);
        heard.push(loaded);
      },
    });
    expect(await response.text()).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(heard.length).toBeGreaterThan(3);
    expect(heard).toEqual([...heard].sort((a, b) => a - b));
    expect(heard.at(-1)).toBe(bytes.byteLength);
  });

  it.each([
    ['gzip', ''],
    ['deflate', ''],
    ['deflate-raw', '?as=deflate'],
    ['br', ''],
    ['gzip', '?as=x-gzip'],
  ])('decodes %s%s', async (coding, query) => {
    const response = await mixFetch(`${origin}/coded/${coding}${query}`);
    expect(await response.text()).toBe(PLAIN);
  });

  it('leaves a coded body alone when asked to', async () => {
    for (const init of [{ decompress: false }, { headers: { 'Accept-Encoding': 'br' } }]) {
      const response = await mixFetch(`${origin}/coded/br`, init);
      const bytes = await response.arrayBuffer();
      expect(response.headers.get('content-encoding')).toBe('br');
      expect(bytes.byteLength).toBeLessThan(1000);
    }
  });

  it('takes header fields and method as they are given', async () => {
    const response = await mixFetch(`${origin}/headers`, {
      headers: [
        ['X-Pair', 'one'],
        ['x-pair', 'two'],
        ['X-Latin', 'ä'],
      ],
    });
    const seen = (await response.json()) as Record<string, string>;
    expect(seen['x-pair']).toBe('one, two');
    expect(seen['x-latin']).toBe('ä');
    expect(seen['accept-encoding']).toBe('gzip, deflate, br');
    expect(seen['accept-language']).toBe('en-US,en;q=0.9');
    const patch = await mixFetch(`${origin}/method`, { method: 'patch' }).catch(() => undefined);
    expect(patch?.headers.get('x-method') ?? 'refused by the server').toMatch(/patch|refused/);
    const del = await mixFetch(`${origin}/method`, { method: 'delete' });
    expect(del.headers.get('x-method')).toBe('DELETE');
  });

  it('has no body for HEAD, 204 and 304', async () => {
    const head = await mixFetch(`${origin}/bytes/1000`, { method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, null]);
    for (const status of [204, 304]) {
      const response = await mixFetch(`${origin}/status/${status}`);
      expect([response.status, response.body]).toEqual([status, null]);
    }
  });

  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'PUT', 'PUT'],
    [301, 'HEAD', 'HEAD'],
    [302, 'DELETE', 'DELETE'],
  ])('follows %i of %s by %s', async (status, method, next) => {
    const body = method === 'HEAD' ? null : 'content';
    const response = await mixFetch(`${origin}/redirect/${status}?to=/method`, { method, body });
    expect(response.headers.get('x-method')).toBe(next);
    expect([response.redirected, response.url]).toEqual([true, `${origin}/method`]);
    await response.text();
  });

  it('gives the body of a large Blob again after 307, a stream not', async () => {
    const blob = new Blob([new Uint8Array(270_000).fill(9)]);
    const to = `${origin}/redirect/307?to=/hash`;
    const response = await mixFetch(to, { method: 'POST', body: blob });
    const hash = createHash('sha256').update(new Uint8Array(270_000).fill(9));
    expect(await response.text()).toBe(hash.digest('hex'));
    const stream = new Blob(['x']).stream();
    const failure = await failureOf(mixFetch(to, { method: 'POST', body: stream, duplex: 'half' }));
    expect(failure).toMatchObject({ code: 'REDIRECT' });
  });

  it('holds the server back while nobody reads, and bounds memory', async () => {
    const before = (await getTunnelStats()).memory.wasmBytes;
    servers.log.written = 0;
    const response = await mixFetch(`${origin}/endless`);
    const reader = response.body!.getReader();
    await reader.read();
    let last = -1;
    // Until the server is stopped by back-pressure: it wrote nothing more for a while.
    while (last !== servers.log.written) {
      last = servers.log.written;
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect(last).toBeLessThan(8 * 1024 * 1024);
    expect((await getTunnelStats()).memory.wasmBytes - before).toBeLessThan(16 * 1024 * 1024);
    await reader.cancel();
  });

  it('limits the size of a response', async () => {
    const init = { maxResponseSize: 1000 };
    expect(await (await mixFetch(`${origin}/bytes/1000`, init)).text()).toHaveLength(1000);
    const stated = await failureOf(mixFetch(`${origin}/bytes/1001`, init));
    expect(stated).toMatchObject({ code: 'BODY_TOO_LARGE' });
    const endless = await mixFetch(`${origin}/endless`, init).then(
      (response) => failureOf(response.text()),
      (error: unknown) => error,
    );
    expect(endless).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });

  it('ends by its time limits', async () => {
    const head = failureOf(mixFetch(`${origin}/slow-head`, { headersTimeout: 700 }));
    const total = failureOf(mixFetch(`${origin}/slow-head`, { timeoutMs: 700 }));
    const signal = AbortSignal.timeout(700);
    const timed = failureOf(mixFetch(`${origin}/slow-head`, { signal }));
    const slow = await mixFetch(`${origin}/slow-body`, { bodyTimeout: 700 });
    expect(await failureOf(slow.text())).toMatchObject({ code: 'BODY_TIMEOUT' });
    expect(await head).toMatchObject({ code: 'HEADERS_TIMEOUT' });
    expect(await total).toMatchObject({ code: 'BODY_TIMEOUT' });
    expect(await timed).toMatchObject({ name: 'TimeoutError' });
  });

  it('aborts at each phase, and cancels the upload', async () => {
    const reason = new Error('enough');
    const waiting = new AbortController();
    const pending = mixFetch(`${origin}/slow-head`, { signal: waiting.signal });
    setTimeout(() => waiting.abort(reason), 300);
    await expect(pending).rejects.toBe(reason);

    const reading = new AbortController();
    const response = await mixFetch(`${origin}/slow-body`, { signal: reading.signal });
    reading.abort(reason);
    await expect(response.text()).rejects.toBe(reason);

    const sending = new AbortController();
    let cancelled: unknown;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel: (why) => (cancelled = why),
    });
    const init = { method: 'POST', body, duplex: 'half', signal: sending.signal } as const;
    const upload = mixFetch(`${origin}/slow-head`, init);
    setTimeout(() => sending.abort(reason), 500);
    await expect(upload).rejects.toBe(reason);
    expect(cancelled).toBe(reason);
  });

  it('fails a body that has arrived but was not read when it is aborted', async () => {
    const abort = new AbortController();
    const { signal } = abort;
    let arrived = 0;
    const onDownloadProgress = ({ loaded }: { loaded: number }): void => void (arrived = loaded);
    const init = { signal, onDownloadProgress };
    const unread = await mixFetch(`${origin}/bytes/10`, init);
    const read = await mixFetch(`${origin}/bytes/10`, init);
    expect(await read.text()).toHaveLength(10);
    expect(arrived).toBe(10);
    abort.abort();
    await expect(unread.text()).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('tells of a connection that breaks in the body', async () => {
    const response = await mixFetch(`${origin}/reset`);
    const failure = await failureOf(response.text());
    expect(failure).toBeInstanceOf(MixError);
    expect((failure as MixError).code).toMatch(/HTTP_TRUNCATED|CONNECTION_RESET/);
  });

  it('checks integrity', async () => {
    const hash = createHash('sha256').update(Buffer.alloc(50, 'm')).digest('base64');
    const good = await mixFetch(`${origin}/bytes/50`, { integrity: `sha256-${hash}` });
    expect(await good.text()).toHaveLength(50);
    const bad = failureOf(mixFetch(`${origin}/bytes/51`, { integrity: `sha256-${hash}` }));
    expect(await bad).toMatchObject({ code: 'DECODE' });
  });
});

describe('HTTP/2', () => {
  it('carries many requests on one connection', async () => {
    const before = servers.log.http2Sessions;
    const url = (i: number): string => `https://rpc0.example/bytes/${i}`;
    const sizes = Array.from({ length: 30 }, (_, i) => i * 300);
    const bodies = await Promise.all(sizes.map(async (n) => (await mixFetch(url(n))).text()));
    expect(bodies.map((text) => text.length)).toEqual(sizes);
    expect(servers.log.http2Sessions).toBe(before + 1);
    expect(servers.log.requests.every(({ version }) => version === '2.0')).toBe(true);
  });

  it('is what nginx agrees on', async () => {
    const response = await mixFetch('https://nginx.example/method');
    expect(response.headers.get('x-protocol')).toBe('HTTP/2.0');
  });

  it('lets others pass a reader that has stopped', async () => {
    const stopped = await mixFetch('https://h2.example/endless');
    const other = await mixFetch('https://h2.example/bytes/100000');
    expect((await other.arrayBuffer()).byteLength).toBe(100_000);
    await stopped.body!.cancel();
  });
});

describe('the pool', () => {
  it('opens six connections to an origin at most', async () => {
    const before = servers.log.sockets;
    const urls = Array.from({ length: 20 }, () => 'http://node.example/bytes/10');
    await Promise.all(
      urls.map(async (url) => (await mixFetch(url, { isolationKey: 'six' })).text()),
    );
    expect(servers.log.sockets - before).toBeLessThanOrEqual(6);
  });

  it('keeps what has different isolation keys apart', async () => {
    const ports: number[] = [];
    for (const isolationKey of ['a', 'b', 'a']) {
      const response = await mixFetch('http://node.example/connection', { isolationKey });
      ports.push(((await response.json()) as { remotePort: number }).remotePort);
    }
    expect(ports[2]).toBe(ports[0]);
    expect(ports[1]).not.toBe(ports[0]);
  });
});

describe('TLS', () => {
  it('resumes a session for the next connection of the same isolation key', async () => {
    const resumes = async (isolationKey: string): Promise<boolean> => {
      const response = await mixFetch('https://node.example/connection', { isolationKey });
      return ((await response.json()) as { resumed: boolean }).resumed;
    };
    expect(await resumes('resume')).toBe(false);
    expect(await resumes('another')).toBe(false);
    // A body nobody reads keeps the first connection, so that the next request needs one of its own.
    const held = await mixFetch('https://node.example/bytes/4000000', { isolationKey: 'resume' });
    expect(await resumes('resume')).toBe(true);
    await held.body?.cancel();
  });
});

describe('a server that breaks the rules', () => {
  it.each([
    ['short-length', 'HTTP_TRUNCATED'],
    ['two-lengths', 'HTTP_PARSE'],
    ['length-and-chunked', 'HTTP_PARSE'],
    ['bad-chunk', 'HTTP_PARSE'],
    ['cut-chunk', 'HTTP_TRUNCATED'],
    ['folded-head', 'HTTP_PARSE'],
    ['split-head', 'HTTP_PARSE'],
    ['huge-head', 'HTTP_PARSE'],
    ['many-heads', 'HTTP_PARSE'],
    ['no-http', 'HTTP_PARSE'],
    ['early', 'HTTP_TRUNCATED'],
  ])('%s fails with %s', async (name, code) => {
    const outcome = mixFetch(`http://raw.example/${name}`).then((response) => response.text());
    expect(await failureOf(outcome)).toMatchObject({ code });
  });

  it('may end a body by closing, send hints first, and trailers last', async () => {
    const closing = await mixFetch('http://raw.example/close-delimited');
    expect(await closing.text()).toBe('until the end');
    const hints = await mixFetch('http://raw.example/hints');
    expect([hints.status, await hints.text()]).toEqual([200, 'final']);
    expect(hints.headers.get('x-trailer')).toBeNull();
    const latin1 = await mixFetch('http://raw.example/latin1');
    expect([latin1.statusText, latin1.headers.get('x-l')]).toEqual(['Olé', 'äö']);
  });

  it('cannot fill memory with a small body', async () => {
    const response = await mixFetch('https://node.example/bomb');
    expect(await failureOf(response.arrayBuffer())).toMatchObject({ code: 'DECODE' });
  });

  it('may lie about the coding', async () => {
    const response = await mixFetch('https://node.example/coded/gzip?as=br');
    expect(await failureOf(response.text())).toMatchObject({ code: 'DECODE' });
  });
});

describe('redirects', () => {
  const url = 'http://node.example';
  it('end at the limit, also in a circle', async () => {
    const init = { maxRedirections: 3 };
    expect(await (await mixFetch(`${url}/countdown/3`, init)).text()).toBe('done');
    for (const path of ['/countdown/4', '/cookie-wall']) {
      expect(await failureOf(mixFetch(url + path, init))).toMatchObject({ code: 'REDIRECT' });
    }
  });

  it('keep secrets within the origin', async () => {
    const headers = { Authorization: 'secret', Cookie: 'c=1', 'X-Own': 'kept' };
    const same = await mixFetch(`${url}/redirect/302?to=/headers`, { headers });
    expect(await same.json()).toMatchObject({ authorization: 'secret', cookie: 'c=1' });
    const to = encodeURIComponent('https://h2.example/headers');
    const other = (await (
      await mixFetch(`${url}/redirect/302?to=${to}`, { headers })
    ).json()) as Record<string, string>;
    expect(other).toMatchObject({ 'x-own': 'kept' });
    expect(other['authorization'] ?? other['cookie']).toBeUndefined();
  });
});

describe('a redirect to', () => {
  const origin = 'http://node.example';
  const follow = (to: string): Promise<Response> =>
    mixFetch(`${origin}/redirect/302?to=${encodeURIComponent(to)}`);
  /** As a server sends it that writes UTF-8 into its fields. */
  const asUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

  it.each([
    ['a name in UTF-8', asUtf8('http://bücher.example/method?ä'), '?%C3%A4'],
    ['a name in ISO-8859-1', 'http://B\u00fcCHER.example/method', ''],
    ['an encoded name', 'http://b%C3%BCcher%2Eexample/method', ''],
    ['a name in punycode', '//xn--bcher-kva.example/method#there', ''],
  ])('%s finds its way', async (_, to, query) => {
    const response = await follow(to);
    expect(response.url).toBe(`http://xn--bcher-kva.example/method${query}`);
    expect(await response.text()).toBe('GET');
  });

  it.each([
    ['backslashes', String.raw`\\node.example\bytes\7`, '/bytes/7'],
    ['dots and tabs', '/a/./b/%2e%2e/../../bytes\t/7', '/bytes/7'],
    ['a scheme alone', 'http:../bytes/7', '/bytes/7'],
  ])('%s is taken as browsers take it', async (_, to, path) => {
    expect((await follow(to)).url).toBe(origin + path);
  });

  it.each([
    'http://a b/',
    'http://u:p@node.example/',
    'http://[1]/',
    'mailto:a@b',
    'http://',
    'http://node.example:6667/',
  ])('%s is refused', async (to) => {
    expect(await failureOf(follow(to))).toMatchObject({ code: 'REDIRECT' });
  });
});

describe('cookies', () => {
  it('are kept and sent with a jar, over redirects too', async () => {
    const withJar = mixFetch.extend({ cookieJar: createCookieJar() });
    const url = 'http://node.example';
    expect(await (await withJar(`${url}/cookie-wall`)).text()).toBe('inside');
    expect(await (await withJar(`${url}/headers`)).json()).toMatchObject({ cookie: 'wall=open' });
    const omit = await withJar(`${url}/headers`, { credentials: 'omit' });
    expect(await omit.json()).not.toHaveProperty('cookie');
    const elsewhere = await withJar('https://h2.example/headers');
    expect(await elsewhere.json()).not.toHaveProperty('cookie');
    expect(await (await mixFetch(`${url}/headers`)).json()).not.toHaveProperty('cookie');
  });
});

describe('configurations', () => {
  it('have defaults and a base URL', async () => {
    const api = mixFetch.extend({
      baseUrl: 'http://node.example/',
      defaults: { headers: { 'X-Api': 'default', 'X-Other': 'kept' } },
    });
    const seen = await (await api('headers', { headers: { 'x-api': 'own' } })).json();
    expect(seen).toMatchObject({ 'x-api': 'own', 'x-other': 'kept' });
  });

  it('share the tunnel by createMixFetch when asked to', async () => {
    await expect(createMixFetch()).rejects.toMatchObject({ code: 'ALREADY_SET_UP' });
  });

  it('take the place of the global fetch, errors included', async () => {
    const native = globalThis.fetch;
    const undo = installGlobalFetch();
    try {
      expect(await (await fetch('http://node.example/bytes/3')).text()).toBe('mmm');
      const failure = await failureOf(fetch('http://raw.example/early'));
      expect(failure).toBeInstanceOf(TypeError);
      expect((failure as TypeError).cause).toMatchObject({ code: 'HTTP_TRUNCATED' });
    } finally {
      undo();
    }
    expect(globalThis.fetch).toBe(native);
  });
});

describe('arguments', () => {
  const url = 'http://node.example/echo';
  it.each<[string, () => Promise<unknown>]>([
    ['a GET with a body', () => mixFetch(url, { body: '' })],
    ['a forbidden method', () => mixFetch(url, { method: 'TRACE' })],
    ['a method that is none', () => mixFetch(url, { method: 'A B' })],
    ['a split header', () => mixFetch(url, { headers: { a: 'b\r\nc: d' } })],
    ['a header of the connection', () => mixFetch(url, { headers: { Connection: 'close' } })],
    ['credentials in the URL', () => mixFetch('http://u:p@node.example/')],
    ['a stream without duplex', () => mixFetch(url, { method: 'POST', body: new Blob().stream() })],
  ])('%s is a TypeError', async (_, call) => {
    await expect(call()).rejects.toBeInstanceOf(TypeError);
    expect(servers.log.requests).toEqual([]);
  });

  it('do not lead to ports of other services', async () => {
    const failure = await failureOf(mixFetch('http://node.example:25/'));
    expect(failure).toMatchObject({ code: 'BAD_URL', retryable: true });
  });

  it('may be a Request, and init wins', async () => {
    const request = new Request(url, { method: 'POST', body: 'content', headers: { 'X-A': '1' } });
    expect(await (await mixFetch(request.clone())).text()).toBe('content');
    const other = await mixFetch(request, { method: 'PUT', body: 'other' });
    expect(await other.text()).toBe('other');
    expect(servers.log.requests.map(({ method }) => method)).toEqual(['POST', 'PUT']);
    expect(servers.log.requests[0]?.headers['x-a']).toBe('1');
  });

  it('name the cache modes that need a cache', async () => {
    const failure = await failureOf(mixFetch(url, { cache: 'only-if-cached' }));
    expect(failure).toMatchObject({ code: 'BAD_OPTION' });
    const response = await mixFetch('http://node.example/headers', { cache: 'no-store' });
    expect(await response.json()).toMatchObject({ 'cache-control': 'no-cache' });
  });
});

describe('many small requests', () => {
  it('to ten hosts all succeed', async () => {
    const calls = RPC_HOSTS.flatMap((host) => Array.from({ length: 5 }, () => host));
    const answers = await Promise.all(
      calls.map(async (host, id) => {
        const call = { jsonrpc: '2.0', id, method: 'eth_chainId', params: [] };
        const init = { method: 'POST', body: JSON.stringify(call) };
        return (await mixFetch(`https://${host}/rpc`, init)).json();
      }),
    );
    expect(answers).toEqual(calls.map((_, id) => ({ jsonrpc: '2.0', id, result: '0x1' })));
  });
});
