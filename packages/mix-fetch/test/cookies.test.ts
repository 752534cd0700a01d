// Cookies by the tunnel's option: which jar serves which fetch.
import { setupMixTunnel } from '@mixweb/mix-tunnel';
import { describe, expect, it } from 'vitest';

import { createCookieJar } from '../src/cookies.ts';
import { mixFetch } from '../src/index.ts';
import { installTunnel, removeTunnel, type FakeFetch } from './fake-tunnel.ts';

const url = 'https://shop.example/a';
/** Of random shape; MIX_COOKIES=N sets another number. */
const NUM_COOKIES = Number(process.env['MIX_COOKIES'] ?? 150);
const giveCookie = (fetch: FakeFetch): void => {
  fetch.head({ headers: [['Set-Cookie', 'id=1; Path=/; Secure']] }).end();
};
const sent = (fetches: FakeFetch[]): (string | undefined)[] =>
  fetches.map((fetch) => fetch.header('cookie'));

describe('cookies', () => {
  it('are off by default', async () => {
    const seen = installTunnel(giveCookie);
    await mixFetch(url);
    await mixFetch(url, { credentials: 'include' });
    expect(sent(seen)).toEqual([undefined, undefined]);
    expect(seen[0]?.request.cookies).toBeUndefined();
  });

  it('are kept by the tunnel when asked to, unless a fetch omits them', async () => {
    const seen = installTunnel(giveCookie, { cookies: true });
    await mixFetch(url);
    await mixFetch(url);
    await mixFetch(url, { credentials: 'omit' });
    await mixFetch(new Request(url, { credentials: 'omit' }));
    await mixFetch('http://shop.example/'); // Secure
    await mixFetch('https://other.example/');
    await mixFetch(url, { headers: { cookie: 'own=2' } });
    expect(sent(seen)).toEqual([
      undefined,
      'id=1',
      undefined,
      undefined,
      undefined,
      undefined,
      'own=2',
    ]);
  });

  it('have a jar for each isolation key', async () => {
    const seen = installTunnel(giveCookie, { cookies: true });
    for (const isolationKey of ['a', 'b', 'a']) await mixFetch(url, { isolationKey });
    await mixFetch(url);
    expect(sent(seen)).toEqual([undefined, undefined, 'id=1', undefined]);
  });

  it('may go to a jar of the caller, or one for each key', async () => {
    const jar = createCookieJar();
    const one = installTunnel(giveCookie, { cookies: jar });
    await mixFetch(url, { isolationKey: 'a' });
    await mixFetch(url, { isolationKey: 'b' });
    expect(sent(one)).toEqual([undefined, 'id=1']);
    const asked: string[] = [];
    const each = installTunnel(giveCookie, {
      cookies: (key) => (asked.push(key), createCookieJar()),
    });
    for (const isolationKey of ['a', 'b', 'b']) await mixFetch(url, { isolationKey });
    expect(sent(each)).toEqual([undefined, undefined, 'id=1']);
    expect(asked).toEqual(['a', 'b']);
  });

  it('of one configuration come before those of the tunnel', async () => {
    const seen = installTunnel(giveCookie, { cookies: true });
    const own = mixFetch.extend({ cookieJar: createCookieJar() });
    await own(url);
    await mixFetch(url);
    await own(url);
    expect(sent(seen)).toEqual([undefined, undefined, 'id=1']);
  });

  it('are refused for public suffixes and foreign domains', async () => {
    const set = ['evil=1; Domain=co.uk', 'evil=2; Domain=other.example', 'good=3; Domain=a.co.uk'];
    const seen = installTunnel(
      (fetch) => fetch.head({ headers: set.map((value) => ['Set-Cookie', value]) }).end(),
      { cookies: true },
    );
    await mixFetch('https://www.a.co.uk/');
    await mixFetch('https://www.a.co.uk/');
    await mixFetch('https://b.co.uk/');
    expect(sent(seen)).toEqual([undefined, 'good=3', undefined]);
  });

  it('follow a redirect from jar to engine and back', async () => {
    const seen = installTunnel(
      (fetch) => {
        fetch.tell({
          kind: 'redirected',
          from: url,
          to: 'https://shop.example/b',
          setCookies: ['step=1'],
        });
        setTimeout(() => fetch.head().end(), 20);
      },
      { cookies: true },
    );
    await mixFetch(url);
    expect(seen[0]?.controls).toContainEqual({ kind: 'goOn', cookie: 'step=1' });
  });
});

describe('the tunnel refuses', () => {
  it.each([
    [{ httpCache: { maxBytes: 1 } }, { code: 'BAD_OPTION' }],
    [{ cookies: 'yes' }, { name: 'TypeError' }],
    [{ cookies: null }, { name: 'TypeError' }],
    [{ fetchErrors: 'loud' }, { name: 'TypeError' }],
  ])('%j', async (options, error) => {
    removeTunnel();
    await expect(setupMixTunnel(options as object)).rejects.toMatchObject(error);
  });
});

describe('fetchErrors', () => {
  const failing = (fetch: FakeFetch): void =>
    fetch.tell({
      kind: 'failed',
      error: { code: 'CONNECT_REFUSED', message: 'IO error: refused', retryable: true },
    });
  it('decides how a failure rejects', async () => {
    installTunnel(failing);
    await expect(mixFetch(url)).rejects.toMatchObject({ name: 'MixError' });
    installTunnel(failing, { fetchErrors: 'spec' });
    const cause = { name: 'MixError', code: 'CONNECT_REFUSED' };
    await expect(mixFetch(url)).rejects.toMatchObject({ name: 'TypeError', cause });
    const other = mixFetch.extend({ fetchErrors: 'mix' });
    await expect(other(url)).rejects.toMatchObject({ name: 'MixError' });
  });
});

describe('Set-Cookie headers', () => {
  it('of no shape end no fetch and add no line to the next one', async () => {
    const words = [
      'id',
      '=',
      ';',
      ' ',
      'Path=/',
      'Domain=shop.example',
      'Domain=example',
      'Secure',
    ];
    words.push(
      'Expires=Thu, 01 Jan 1970',
      'Max-Age=-1',
      'SameSite=None',
      '"',
      ',',
      '__Host-',
      '%0a',
    );
    words.push('\t', '\u0000', '\u007f', '\u00e4', 'x'.repeat(5000), '9'.repeat(400));
    let state = 1;
    const below = (end: number): number => {
      state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
      return state % end;
    };
    let setCookie = '';
    const seen = installTunnel(
      (fetch) => fetch.head({ headers: [['Set-Cookie', setCookie]] }).end(),
      { cookies: true },
    );
    for (let i = 0; i < NUM_COOKIES; i += 1) {
      setCookie = Array.from({ length: below(12) }, () => words[below(words.length)]).join('');
      expect((await mixFetch(url)).status).toBe(200);
    }
    for (const cookie of sent(seen)) expect(cookie ?? '').not.toMatch(/[\r\n\0]/);
    expect(sent(seen).filter((cookie) => cookie !== undefined).length).toBeGreaterThan(0);
  });
});
