// What code that was written for fetch relies on beside the wire: objects of other makers, local
// URLs, referrers, the shape of failures, and what the standard forbids.
import { createHash } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { Readable, Stream } from 'node:stream';

import { describe, expect, it, vi } from 'vitest';

import { installGlobalFetch, mixFetch } from '../src/index.ts';
import { refererFor } from '../src/referrer.ts';
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
/** Takes the whole streamed body, then answers. */
const takesBody = (taken: string[]) => (fetch: FakeFetch) => {
  fetch.onControl = (control) => {
    if (control.kind === 'body') taken.push(new TextDecoder().decode(control.bytes));
    if (control.kind === 'bodyEnd') fetch.head().end();
  };
  fetch.tell({ kind: 'bodyWanted', attempt: 1, bytes: 10_000_000 });
};

describe('local URLs', () => {
  it('are answered without the network', async () => {
    const seen = installTunnel(ok);
    const data = await mixFetch(' data:text/plain;base64,bWl4');
    expect([data.headers.get('content-type'), await data.text()]).toEqual(['text/plain', 'mix']);
    const blob = URL.createObjectURL(new Blob(['kept'], { type: 'a/b' }));
    expect(await (await mixFetch(new URL(blob))).text()).toBe('kept');
    expect(await (await mixFetch(new Request('data:,x'))).text()).toBe('x');
    URL.revokeObjectURL(blob);
    expect(await failureOf(mixFetch(blob))).toBeInstanceOf(TypeError);
    expect(seen).toHaveLength(0);
  });

  it('stay so in the place of the global fetch', async () => {
    const seen = installTunnel(ok);
    const undo = installGlobalFetch();
    try {
      expect(await (await fetch('data:,a%20b')).text()).toBe('a b');
      expect(await failureOf(fetch('about:blank'))).toBeInstanceOf(TypeError);
      await fetch(url);
      await fetch(url, { maxRedirections: 3 } as RequestInit);
    } finally {
      undo();
    }
    expect(seen.map((each) => each.request.maxRedirects)).toEqual([20, 3]);
  });
});

describe('objects of other makers', () => {
  it('may be the Request', async () => {
    const seen = installTunnel(ok);
    const request = {
      url,
      method: 'PUT',
      headers: new Map([['x-a', '1']]),
      body: new Blob(['foreign']).stream(),
      bodyUsed: false,
      arrayBuffer: () => Promise.reject(new Error('not this way')),
    };
    await mixFetch(request as unknown as Request);
    expect(seen[0]?.request).toMatchObject({ url, method: 'PUT', headers: [['x-a', '1']] });
    expect(new TextDecoder().decode(seen[0]?.request.body)).toBe('foreign');
  });

  it('may be the body', async () => {
    const seen = installTunnel(ok);
    const blob = {
      [Symbol.toStringTag]: 'File',
      type: 'a/b',
      name: 'odd "name"',
      arrayBuffer: () => new Blob(['inside']).arrayBuffer(),
    };
    const form = {
      [Symbol.toStringTag]: 'FormData',
      *[Symbol.iterator]() {
        yield ['text', 'ä'];
        yield ['file', blob];
      },
    };
    const search = { [Symbol.toStringTag]: 'URLSearchParams', toString: () => 'a=1' };
    for (const body of [form, blob, search]) {
      await mixFetch(url, { method: 'POST', body: body as unknown as BodyInit });
    }
    const [sentForm, sentBlob, sentSearch] = seen.map(({ request }) => request);
    const type = seen[0]?.header('content-type') ?? '';
    const parsed = await new Response(sentForm?.body as BodyInit, {
      headers: { 'content-type': type },
    }).formData();
    expect(parsed.get('text')).toBe('ä');
    const file = parsed.get('file') as File;
    expect([file.type, await file.text()]).toEqual(['a/b', 'inside']);
    expect(new TextDecoder().decode(sentBlob?.body)).toBe('inside');
    expect(seen[1]?.header('content-type')).toBe('a/b');
    expect(new TextDecoder().decode(sentSearch?.body)).toBe('a=1');
    expect(seen[2]?.header('content-type')).toMatch(/^application\/x-www-form-urlencoded/);
  });

  it('may be the signal', async () => {
    installTunnel(() => undefined);
    const signal = Object.assign(new EventTarget(), { aborted: false });
    const pending = mixFetch(url, { signal: signal as AbortSignal });
    await Promise.resolve();
    signal.aborted = true;
    signal.dispatchEvent(new Event('abort'));
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    await expect(mixFetch(url, { signal: signal as AbortSignal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it.each([{}, 'signal', 1, { aborted: true }])('%j is no signal', async (signal) => {
    const seen = installTunnel(ok);
    const init = { signal: signal as unknown as AbortSignal };
    expect(await failureOf(mixFetch(url, init))).toBeInstanceOf(TypeError);
    expect(seen).toHaveLength(0);
  });
});

describe('a signal', () => {
  it('has one listener for all fetches, and none after they were read', async () => {
    const seen = installTunnel((fetch) => fetch.head().chunk('content').end());
    const { signal } = new AbortController();
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => mixFetch(url, { signal })),
    );
    expect(listeners()).toBe(1);
    for (const response of responses) await response.text();
    await vi.waitFor(() => expect(listeners()).toBe(0), PATIENT);
    expect(seen.some(({ cancelled }) => cancelled)).toBe(false);
  });

  it('ends all fetches that share it', async () => {
    installTunnel(() => undefined);
    const abort = new AbortController();
    const { signal } = abort;
    const pending = Array.from({ length: 3 }, () => failureOf(mixFetch(url, { signal })));
    await Promise.resolve();
    abort.abort('enough');
    expect(await Promise.all(pending)).toEqual(['enough', 'enough', 'enough']);
  });

  it('may be aborted for no reason at all', async () => {
    installTunnel(ok);
    expect(await failureOf(mixFetch(url, { signal: AbortSignal.abort(null) }))).toBeNull();
  });
});

describe('a body', () => {
  it('may be a stream of Node, old or new', async () => {
    const taken: string[] = [];
    const seen = installTunnel(takesBody(taken));
    const send = (body: unknown): Promise<Response> =>
      mixFetch(url, { method: 'POST', body: body as BodyInit });
    await send(Readable.from(['new ', 'stream ']));
    // As npm's form-data: begins when it is resumed, is no iterable, and knows its length.
    const form = Object.assign(new Stream(), {
      [Symbol.toStringTag]: 'FormData',
      getBoundary: () => 'limit',
      hasKnownLength: () => true,
      getLengthSync: () => 8,
      pause: () => undefined,
      resume: (): void => {
        for (const chunk of ['old ', Buffer.from('one ')]) form.emit('data', chunk);
        form.emit('end');
      },
    });
    await send(form);
    expect(taken.join('')).toBe('new stream old one ');
    expect(seen[1]?.header('content-type')).toBe('multipart/form-data;boundary=limit');
    expect(seen[1]?.request.streamed).toEqual({ length: 8, replayable: false });
  });

  it('that is a stream of Node may fail before it is wanted, and is destroyed with the fetch', async () => {
    const seen = installTunnel((fetch) => {
      if (seen.length > 1) return;
      const old = new Error('old stream');
      failing.destroy(old);
      failing.once('close', () => takesBody([])(fetch));
    });
    const failing = new Readable({ read: () => undefined });
    const send = (body: Readable, signal?: AbortSignal): Promise<Response> =>
      mixFetch(url, {
        method: 'POST',
        body: body as unknown as BodyInit,
        ...(signal && { signal }),
      });
    await expect(send(failing)).rejects.toThrow('old stream');
    const endless = new Readable({ read: () => undefined });
    const abort = new AbortController();
    const pending = failureOf(send(endless, abort.signal));
    await vi.waitFor(() => expect(seen).toHaveLength(2), PATIENT);
    abort.abort();
    expect(await pending).toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(endless.destroyed).toBe(true), PATIENT);
  });

  it('may be any async iterable, of text too', async () => {
    const taken: string[] = [];
    installTunnel(takesBody(taken));
    const body = (async function* () {
      yield 'täxt ';
      yield new TextEncoder().encode('bytes ').buffer;
      yield new Uint16Array([0x6b6f]);
    })();
    await mixFetch(url, { method: 'POST', body: body as unknown as BodyInit });
    expect(taken.join('')).toBe('täxt bytes ok');
  });

  it('of a Request goes at once when short, and piece by piece when long', async () => {
    const taken: string[] = [];
    const seen = installTunnel(takesBody(taken));
    const large = 'l'.repeat(700_000);
    await mixFetch(new Request(url, { method: 'POST', body: large }));
    expect(seen[0]?.request.body).toBeUndefined();
    expect(seen[0]?.request.streamed).toEqual({ replayable: false });
    expect(taken.join('')).toBe(large);
    const short = installTunnel(ok);
    await mixFetch(new Request(url, { method: 'POST', body: 'short' }));
    expect(short[0]?.request.body?.byteLength).toBe(5);
  });

  it('that was read from or is read elsewhere is refused', async () => {
    const seen = installTunnel(ok);
    const read = new Blob(['ab']).stream();
    const reader = read.getReader();
    await reader.read();
    reader.releaseLock();
    const locked = new Blob(['ab']).stream();
    locked.getReader();
    for (const body of [read, locked]) {
      const init = { method: 'POST', body, duplex: 'half' } as const;
      expect(await failureOf(mixFetch(url, init))).toBeInstanceOf(TypeError);
    }
    expect(seen).toHaveLength(0);
  });

  it('is cancelled when the fetch was aborted before it began', async () => {
    installTunnel(ok);
    const reason = new Error('never mind');
    let cancelled: unknown;
    const body = new ReadableStream({ cancel: (why) => void (cancelled = why) });
    const init = {
      method: 'POST',
      body,
      duplex: 'half',
      signal: AbortSignal.abort(reason),
    } as const;
    await expect(mixFetch(url, init)).rejects.toBe(reason);
    expect(cancelled).toBe(reason);
  });

  it('of a Request that never ends can be aborted while it is read', async () => {
    installTunnel(ok);
    const abort = new AbortController();
    const body = new ReadableStream({ pull: () => abort.abort() }, { highWaterMark: 0 });
    const request = new Request(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
    await expect(mixFetch(request, { signal: abort.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('a request', () => {
  it('makes text of header values', async () => {
    const seen = installTunnel(ok);
    const headers = { a: undefined, b: 1, c: null } as unknown as Record<string, string>;
    await mixFetch(url, { headers });
    const wire = [
      ['a', 'undefined'],
      ['b', '1'],
      ['c', 'null'],
    ];
    expect(seen[0]?.request.headers).toEqual(wire);
  });

  it.each<[string, object]>([
    ['mode navigate', { mode: 'navigate' }],
    ['a mode that is none', { mode: 'open' }],
    ['a cache mode that is none', { cache: 'often' }],
    ['a redirect mode that is none', { redirect: 'maybe' }],
    ['credentials that are none', { credentials: 'all' }],
    ['a policy that is none', { referrerPolicy: 'agnostic' }],
    ['a referrer that is no URL', { referrer: 'http://' }],
    ['a window', { window: {} }],
  ])('with %s is refused', async (_, init) => {
    const seen = installTunnel(ok);
    expect(await failureOf(mixFetch(url, init))).toBeInstanceOf(TypeError);
    expect(seen).toHaveLength(0);
  });

  it('goes out whatever it says of a page', async () => {
    const seen = installTunnel(ok);
    await mixFetch(url, {
      mode: 'cors',
      keepalive: true,
      window: null,
      referrer: '',
      referrerPolicy: 'no-referrer',
    });
    await mixFetch(new Request(url));
    expect(seen.map((fetch) => fetch.header('referer'))).toEqual([undefined, undefined]);
  });

  it('tells a referrer that is named', async () => {
    const seen = installTunnel(ok);
    await mixFetch(url, { referrer: 'https://site.example/from#part' });
    await mixFetch(url, { referrer: 'https://other.example/from' });
    await mixFetch(url, { referrer: 'https://other.example/', headers: { Referer: 'own' } });
    expect(seen.map((fetch) => fetch.header('referer'))).toEqual([
      'https://site.example/from',
      'https://other.example/',
      'own',
    ]);
  });
});

describe('the referrer', () => {
  const page = 'https://u:p@a.example/page?q#f';
  const full = 'https://a.example/page?q';
  const origin = 'https://a.example/';
  // To the same origin, to another, and to one without TLS.
  it.each<[ReferrerPolicy, (string | undefined)[]]>([
    ['', [full, origin, undefined]],
    ['no-referrer', [undefined, undefined, undefined]],
    ['no-referrer-when-downgrade', [full, full, undefined]],
    ['same-origin', [full, undefined, undefined]],
    ['origin', [origin, origin, origin]],
    ['strict-origin', [origin, origin, undefined]],
    ['origin-when-cross-origin', [full, origin, origin]],
    ['strict-origin-when-cross-origin', [full, origin, undefined]],
    ['unsafe-url', [full, full, full]],
  ])("by policy '%s'", (policy, expected) => {
    const targets = ['https://a.example/x', 'https://b.example/', 'http://a.example/'];
    expect(targets.map((to) => refererFor(page, policy, to, undefined))).toEqual(expected);
  });

  it('is short, and no page of a client', () => {
    const long = `https://a.example/${'x'.repeat(5000)}`;
    expect(refererFor(long, '', 'https://a.example/', undefined)).toBe(origin);
    expect(refererFor('about:client', '', url, undefined)).toBeUndefined();
    expect(refererFor('part', '', url, 'https://site.example/a/b')).toBe(
      'https://site.example/a/part',
    );
  });
});

describe('a response', () => {
  it('has headers that nobody changes', async () => {
    installTunnel((fetch) => fetch.head({ headers: [['X-A', '1']] }).end());
    const response = await mixFetch(url);
    for (const { headers } of [response, response.clone()]) {
      expect(() => headers.set('x-a', '2')).toThrow(TypeError);
      expect(() => headers.append('x-a', '2')).toThrow(TypeError);
      expect(() => headers.delete('x-a')).toThrow(TypeError);
      expect(headers.get('x-a')).toBe('1');
      expect(new Headers(headers).get('x-a')).toBe('1');
    }
  });

  it('may have a status beyond those of the standard', async () => {
    installTunnel((fetch) => fetch.head({ status: 999, reason: 'Denied' }).chunk('why').end());
    const response = await mixFetch(url);
    for (const each of [response.clone(), response]) {
      expect([each.status, each.ok, each.statusText]).toEqual([999, false, 'Denied']);
      expect(await each.text()).toBe('why');
    }
  });

  it('of status 205 lets a body pass by', async () => {
    const seen = installTunnel((fetch) => fetch.head({ status: 205 }).chunk('1234').end());
    expect((await mixFetch(url)).body).toBeNull();
    expect(seen[0]?.controls).toContainEqual({ kind: 'consumed', bytes: 4 });
  });

  it('is checked against hashes in either alphabet, padded or not', async () => {
    const hash = createHash('sha512').update('checked').digest('base64');
    const plain = hash.replace(/=+$/, '');
    const other = plain.replaceAll('+', '-').replaceAll('/', '_');
    installTunnel((fetch) => fetch.head().chunk('checked').end());
    for (const digest of [hash, plain, other]) {
      const integrity = `sha256-AAAA sha512-${digest}?opt md5-x`;
      expect(await (await mixFetch(url, { integrity })).text()).toBe('checked');
    }
    const wrong = failureOf(mixFetch(url, { integrity: 'sha512-AAAA' }));
    expect(await wrong).toMatchObject({ code: 'DECODE' });
  });

  it('fails its body as the standard says, if asked to', async () => {
    const error = { code: 'HTTP_TRUNCATED', message: 'HTTP error: cut', retryable: false } as const;
    installTunnel((fetch) => {
      fetch.head().chunk('some');
      fetch.tell({ kind: 'failed', error });
    });
    const spec = await mixFetch.extend({ fetchErrors: 'spec' })(url);
    const failure = await failureOf(spec.text());
    expect(failure).toBeInstanceOf(TypeError);
    expect(failure).toMatchObject({ message: 'terminated', cause: { code: 'HTTP_TRUNCATED' } });
    expect(await failureOf((await mixFetch(url)).text())).toMatchObject({ name: 'MixError' });
  });

  it('aborted later fails with the reason, whatever shape failures have', async () => {
    installTunnel((fetch) => fetch.head().chunk('some'));
    const reason = { any: 'thing' };
    const abort = new AbortController();
    const response = await mixFetch.extend({ fetchErrors: 'spec' })(url, { signal: abort.signal });
    abort.abort(reason);
    expect(await failureOf(response.text())).toBe(reason);
  });
});
