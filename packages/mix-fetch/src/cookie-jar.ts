// Cookies are opt-in: whoever wants them brings a jar. spec: api part 2 §3
import { MixError, type FetchChannel } from '@mixweb/mix-tunnel';

/** A store of cookies. Both calls may be slow; a cookie that the jar refuses is no failure. */
export interface CookieJar {
  /** Value of the Cookie field for a request, perhaps empty. */
  getCookies(url: string): Promise<string>;
  /** One Set-Cookie field of a response from `url`. */
  setCookie(header: string, url: string): Promise<void>;
}

/** A jar of the tough-cookie package, or one that looks like it. */
export interface ToughCookieJar {
  getCookieString(url: string): Promise<string>;
  setCookie(header: string, url: string, options?: { ignoreError?: boolean }): Promise<unknown>;
}

export type CookieStore = CookieJar | ToughCookieJar;

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
