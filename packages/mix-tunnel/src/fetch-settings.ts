// What a tunnel says about all its fetches: how they fail, and whether they keep cookies. The jars
// live and end with the tunnel, so that every copy of mix-fetch in the page finds the same ones.
import { MixError } from './mix-error.ts';

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

/** How failures of the transport reject: as MixError, or as fetch's TypeError with it as cause. */
export type FetchErrors = 'mix' | 'spec';

/** Options of setupMixTunnel that concern fetches. spec: api part 2 §1, §3 */
export interface FetchSetupOpts {
  /** Default 'mix'. */
  fetchErrors?: FetchErrors;
  /**
   * Keep and send cookies. True: in memory, with the public suffix list, a jar for each isolation
   * key. A jar of your own serves all keys, unless a function gives one for each. Default false.
   */
  cookies?: boolean | CookieStore | ((isolationKey: string) => CookieStore);
  /** There is no HTTP cache: anything but undefined is refused. */
  httpCache?: undefined;
}

/** One tunnel's. */
export class FetchSettings {
  readonly fetchErrors: FetchErrors;
  readonly #cookies: FetchSetupOpts['cookies'];
  readonly #jars = new Map<string, CookieStore>();

  constructor(opts: FetchSetupOpts) {
    this.fetchErrors = opts.fetchErrors ?? 'mix';
    this.#cookies = opts.cookies;
  }

  get keepsCookies(): boolean {
    return this.#cookies !== undefined && this.#cookies !== false;
  }

  /** The jar of an isolation key; `create` makes one where the caller brought none. */
  jar(isolationKey: string, create: () => CookieStore): CookieStore | undefined {
    const cookies = this.#cookies;
    if (typeof cookies === 'object') return cookies;
    if (!cookies) return undefined;
    let jar = this.#jars.get(isolationKey);
    if (!jar) {
      jar = cookies === true ? create() : cookies(isolationKey);
      this.#jars.set(isolationKey, jar);
    }
    return jar;
  }
}

/** @throws TypeError for a value of the wrong kind, MixError BAD_OPTION for the cache. */
export function checkFetchOptions(opts: { [K in keyof FetchSetupOpts]?: unknown }): void {
  const { fetchErrors, cookies, httpCache } = opts;
  if (fetchErrors !== undefined && fetchErrors !== 'mix' && fetchErrors !== 'spec') {
    throw new TypeError(`fetchErrors: expected 'mix' or 'spec', got ${String(fetchErrors)}`);
  }
  const store = typeof cookies === 'object' && cookies !== null && 'setCookie' in cookies;
  const plain = ['undefined', 'boolean', 'function'].includes(typeof cookies);
  if (!store && !plain) {
    throw new TypeError('cookies: expected true, a cookie jar, or a function that gives one');
  }
  if (httpCache !== undefined && httpCache !== null && httpCache !== false) {
    throw new MixError('BAD_OPTION', 'tunnel error: httpCache: there is no HTTP cache', {
      phase: 'setup',
      retryable: true,
    });
  }
}
