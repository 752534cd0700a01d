// Cookies are opt-in: by a jar of one configuration, or by the tunnel's option. spec: api part 2 §3
import {
  MixError,
  sharedTunnel,
  type CookieJar,
  type CookieStore,
  type FetchChannel,
  type ToughCookieJar,
} from '@mixweb/mix-tunnel';

function asJar(store: CookieStore): CookieJar {
  if ('getCookies' in store && !('getCookieString' in store)) return store;
  const tough = store as ToughCookieJar;
  return {
    getCookies: (url) => tough.getCookieString(url),
    setCookie: async (header, url) => {
      await tough.setCookie(header, url, { ignoreError: true });
    },
  };
}

/** The jar of one exchange: what is sent and what is kept over its redirects. */
export class CookieKeeper {
  readonly #jar: CookieJar;

  constructor(store: CookieStore) {
    this.#jar = asJar(store);
  }

  async cookieFor(url: string): Promise<string | undefined> {
    const cookies = await this.#jar.getCookies(url);
    return cookies === '' ? undefined : cookies;
  }

  async keep(setCookies: Iterable<string>, url: string): Promise<void> {
    for (const header of setCookies) await this.#jar.setCookie(header, url);
  }

  /** Answers a redirect; a jar that fails ends the exchange by `fail`. */
  redirected(
    redirect: { from: string; to: string; setCookies: string[] },
    channel: FetchChannel,
    fail: (error: unknown) => void,
  ): void {
    this.keep(redirect.setCookies, redirect.from)
      .then(() => this.cookieFor(redirect.to))
      .then((cookie) => channel.send({ kind: 'goOn', cookie }))
      .catch((cause: unknown) =>
        fail(new MixError('STORAGE', 'HTTP error: the cookie jar failed', { cause })),
      );
  }
}

/** The jar that the tunnel keeps for an isolation key, if it keeps any. */
export async function tunnelJar(isolationKey: string): Promise<CookieStore | undefined> {
  const settings = sharedTunnel().fetches;
  if (!settings?.keepsCookies) return undefined;
  // Loaded by those who use it only: the public suffix list is large.
  const { createCookieJar } = await import('@mixweb/mix-fetch/cookies');
  return settings.jar(isolationKey, createCookieJar);
}
