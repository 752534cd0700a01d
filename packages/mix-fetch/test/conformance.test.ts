// Corners of WHATWG Fetch that need no network: what reaches the engine, and what a Response is.
import { describe, expect, it, vi } from 'vitest';

import { mixFetch } from '../src/index.ts';
import { installTunnel, type FakeFetch } from './fake-tunnel.ts';

const url = 'https://site.example/path';
/** A slow machine has as long as it likes. */
const PATIENT = { timeout: 30_000 };
const ok = (fetch: FakeFetch): void => fetch.head().end();
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );

describe('a request', () => {
  it.each([
    ['patch', 'patch'],
    ['post', 'POST'],
    ['Options', 'OPTIONS'],
    ['chicken', 'chicken'],
  ])('has its method %s as %s', async (method, wire) => {
    const seen = installTunnel(ok);
    await mixFetch(url, { method });
    expect(seen[0]?.request.method).toBe(wire);
  });

  it.each(['CONNECT', 'trace', 'Track', 'GET ', '', 'A\n'])('refuses method %j', async (method) => {
    const seen = installTunnel(ok);
    expect(await failureOf(mixFetch(url, { method }))).toBeInstanceOf(TypeError);
    expect(seen).toHaveLength(0);
  });

  it('keeps repeated, empty and trimmed values', async () => {
    const seen = installTunnel(ok);
    const headers: [string, string][] = [
      ['X-A', ' 1\t'],
      ['x-a', ''],
      ['X-B', 'ÿ'],
    ];
    await mixFetch(url, { headers });
    expect(seen[0]?.request.headers).toEqual([
      ['X-A', '1'],
      ['x-a', ''],
      ['X-B', 'ÿ'],
    ]);
  });

  it.each<[string, HeadersInit]>([
    ['a name with a space', { 'a b': 'c' }],
    ['an empty name', { '': 'c' }],
    ['a line in a value', { a: 'b\nc' }],
    ['a NUL in a value', { a: 'b\0' }],
    ['a letter beyond Latin-1', { a: '€' }],
    ['a pair of one', [['a']] as unknown as HeadersInit],
    ['a pair of three', [['a', 'b', 'c']] as unknown as HeadersInit],
  ])('refuses %s', async (_, headers) => {
    expect(await failureOf(mixFetch(url, { headers }))).toBeInstanceOf(TypeError);
  });

  it('resolves and cleans its URL', async () => {
    const seen = installTunnel(ok);
    await mixFetch(new URL('HTTPS://SITE.example:443/a/../b?q=ä b#frag'));
    expect(seen[0]?.request.url).toBe('https://site.example/b?q=%C3%A4%20b#frag');
  });

  it.each([
    ['ftp://a/b', 'BAD_SCHEME'],
    ['file:///etc/passwd', 'BAD_SCHEME'],
    ['about:blank', 'BAD_SCHEME'],
    ['/relative', 'BAD_URL'],
    ['https://', 'BAD_URL'],
    ['https://a:99999/', 'BAD_URL'],
  ])('to %s fails with %s', async (bad, code) => {
    installTunnel(ok);
    expect(await failureOf(mixFetch(bad))).toMatchObject({ code });
  });

  it('takes what a Request says, once', async () => {
    const seen = installTunnel(ok);
    const request = new Request(url, { method: 'POST', body: new URLSearchParams({ a: 'ä' }) });
    await mixFetch(request);
    expect(new TextDecoder().decode(seen[0]?.request.body)).toBe('a=%C3%A4');
    expect(seen[0]?.header('content-type')).toMatch(/^application\/x-www-form-urlencoded/);
    expect(request.bodyUsed).toBe(true);
    expect(await failureOf(mixFetch(request))).toBeInstanceOf(TypeError);
  });

  it('keeps the body of its Request where init has none', async () => {
    const seen = installTunnel(ok);
    const request = (): Request => new Request(url, { method: 'POST', body: 'content' });
    for (const init of [null, {}, { body: null }, { method: 'PUT', body: null }]) {
      await mixFetch(request(), init as RequestInit);
    }
    const sent = seen.map(({ request: { method, body } }) => [
      method,
      new TextDecoder().decode(body),
    ]);
    expect(sent).toEqual([
      ['POST', 'content'],
      ['POST', 'content'],
      ['POST', 'content'],
      ['PUT', 'content'],
    ]);
    expect(await failureOf(mixFetch(request(), { method: 'GET' }))).toBeInstanceOf(TypeError);
  });

  it('takes pairs that are any iterables, and no text for a pair', async () => {
    const seen = installTunnel(ok);
    const pairs = new Map([['X-A', '1']]);
    await mixFetch(url, { headers: pairs as unknown as HeadersInit });
    await mixFetch(url, { headers: [new Set(['X-A', '1'])] as unknown as HeadersInit });
    expect(seen.map((fetch) => fetch.header('x-a'))).toEqual(['1', '1']);
    expect(
      await failureOf(mixFetch(url, { headers: ['ab'] as unknown as HeadersInit })),
    ).toBeInstanceOf(TypeError);
  });

  it('keeps the Content-Type that it is given, and needs none', async () => {
    const seen = installTunnel(ok);
    await mixFetch(url, { method: 'PUT', body: '{}', headers: { 'content-type': 'a/b' } });
    await mixFetch(url, { method: 'PUT', body: new Blob(['x']) });
    await mixFetch(url, { method: 'POST', body: '' });
    expect(seen.map((fetch) => fetch.header('content-type'))).toEqual([
      'a/b',
      undefined,
      'text/plain;charset=UTF-8',
    ]);
  });

  it('is never begun with an aborted signal', async () => {
    const seen = installTunnel(ok);
    const reason = new Error('no');
    await expect(mixFetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(mixFetch(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(seen).toHaveLength(0);
  });
});

describe('a response', () => {
  const answered = async (answer: (fetch: FakeFetch) => void): Promise<Response> => {
    installTunnel(answer);
    return mixFetch(url);
  };

  it('is a Response with what the server said', async () => {
    const response = await answered((fetch) => {
      const headers: [string, string][] = [
        ['Set-Cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['X-Empty', ''],
        ['X-Twice', '1'],
        ['x-twice', '2'],
      ];
      fetch
        .head({ status: 299, reason: 'Odd', headers, url: `${url}#x` })
        .chunk('{"a":')
        .chunk('1}');
      fetch.end();
    });
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.statusText, response.ok]).toEqual([299, 'Odd', true]);
    expect([response.url, response.redirected, response.type]).toEqual([url, false, 'basic']);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('x-twice')).toBe('1, 2');
    expect(response.headers.get('x-empty')).toBe('');
    const copy = response.clone();
    expect([copy.url, copy.headers.getSetCookie().length]).toEqual([url, 2]);
    expect(await response.json()).toEqual({ a: 1 });
    expect(await copy.text()).toBe('{"a":1}');
    expect(response.bodyUsed).toBe(true);
    await expect(response.text()).rejects.toBeInstanceOf(TypeError);
    expect(() => response.clone()).toThrow(TypeError);
  });

  it.each([204, 205, 304])('of status %i has no body', async (status) => {
    const response = await answered((fetch) => fetch.head({ status }).end());
    expect([response.status, response.body]).toEqual([status, null]);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it('gives a Blob its type, and text without its mark of order', async () => {
    const headers: [string, string][] = [['Content-Type', 'Image/PNG']];
    const blob = await (await answered((f) => f.head({ headers }).chunk('png').end())).blob();
    expect([blob.type, blob.size]).toEqual(['image/png', 3]);
    const mark = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
    expect(await (await answered((fetch) => fetch.head().chunk(mark).end())).text()).toBe('a');
  });

  it('is not JSON when empty', async () => {
    const response = await answered((fetch) => fetch.head().end());
    expect(await failureOf(response.json())).toBeInstanceOf(SyntaxError);
  });

  it('tells the engine when its reader leaves', async () => {
    const seen = installTunnel((fetch) => fetch.head().chunk('some'));
    const response = await mixFetch(url);
    await response.body?.cancel();
    // A pipe passes it on in its own time.
    await vi.waitFor(() => expect(seen[0]?.cancelled).toBe(true), PATIENT);
  });

  it('fails its body when it is aborted or breaks', async () => {
    const seen = installTunnel((fetch) => fetch.head().chunk('some'));
    const abort = new AbortController();
    const text = (await mixFetch(url, { signal: abort.signal })).text();
    abort.abort();
    await expect(text).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen[0]?.cancelled).toBe(true);
    const broken = await answered((fetch) => {
      fetch.head().chunk('some');
      const error = { code: 'HTTP_TRUNCATED', message: 'HTTP error: cut', retryable: false };
      fetch.tell({ kind: 'failed', error });
    });
    await expect(broken.text()).rejects.toMatchObject({ code: 'HTTP_TRUNCATED' });
  });
});
