/**
 * mixFetch: fetch through the page's mixnet tunnel. spec: api part 1 §2, part 2 §3
 *
 * @module @mixweb/mix-fetch
 */

import {
  MixError,
  setupMixTunnel,
  sharedTunnel,
  type FetchTiming,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';

import { CookieKeeper, tunnelJar } from './cookie-jar.ts';
import { exchange, timings } from './exchange.ts';
import { localAnswer } from './local.ts';
import type { MixFetchConfig, MixRequestInit } from './options.ts';
import { abortReason, prepare } from './request.ts';

export { disconnectMixTunnel, getTunnelState, MixError, setupMixTunnel } from '@mixweb/mix-tunnel';
export type { FetchTiming, MixErrorCode, SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
export type { CookieJar, CookieStore, FetchErrors, ToughCookieJar } from '@mixweb/mix-tunnel';
export type { MixFetchConfig, MixRequestInit, Progress } from './options.ts';

export interface MixFetch {
  /** As fetch: resolves after the response head, whatever its status. */
  (input: string | URL | Request, init?: MixRequestInit): Promise<Response>;
  /** Where the time went, ms; known once the body has been read to its end. */
  timing(response: Response): FetchTiming | undefined;
  /** Another configuration over the same tunnel; its defaults come over those of this one. */
  extend(config: MixFetchConfig): MixFetch;
}

function withCookie(headers: [string, string][], cookie: string | undefined): [string, string][] {
  // A Cookie field of the caller's own is left alone.
  if (cookie === undefined || headers.some(([name]) => name.toLowerCase() === 'cookie')) {
    return headers;
  }
  return [...headers, ['Cookie', cookie]];
}

function configured(config: MixFetchConfig): MixFetch {
  /** A failure as its reader wants it. */
  const shaped = (message: string, error: unknown): unknown => {
    const spec = (config.fetchErrors ?? sharedTunnel().fetches?.fetchErrors) === 'spec';
    return spec && error instanceof MixError ? new TypeError(message, { cause: error }) : error;
  };
  const run = async (input: string | URL | Request, init: MixRequestInit): Promise<Response> => {
    const defaults = config.defaults ?? {};
    const local = localAnswer(input, { ...defaults, ...init });
    if (local) return local;
    const prepared = await prepare(input, init, config.baseUrl, defaults);
    const { request, signal } = prepared;
    const jar =
      prepared.credentials === 'omit'
        ? undefined
        : (config.cookieJar ?? (await tunnelJar(request.isolationKey ?? '')));
    const keeper = jar && new CookieKeeper(jar);
    if (keeper) {
      request.cookies = true;
      request.headers = withCookie(request.headers, await keeper.cookieFor(request.url));
      if (signal?.aborted) throw abortReason(signal);
    }
    return exchange(prepared, { ...defaults, ...init }, keeper, (error) =>
      shaped('terminated', error),
    );
  };
  const fetchLike = async (
    input: string | URL | Request,
    init: MixRequestInit | null = {},
  ): Promise<Response> => {
    try {
      return await run(input, init ?? {});
    } catch (error) {
      throw shaped('fetch failed', error);
    }
  };
  return Object.assign(fetchLike, {
    timing: (response: Response) => timings.get(response),
    extend: (more: MixFetchConfig) =>
      configured({ ...config, ...more, defaults: { ...config.defaults, ...more.defaults } }),
  });
}

/** Drop-in fetch through the mixnet. Set the tunnel up first. Rejects with MixError. */
export const mixFetch: MixFetch = /* @__PURE__ */ configured({});

/**
 * Sets the tunnel up and returns a mixFetch of its own. Rejects when a tunnel lives already, unless
 * `reuse: 'share'` is given and the tunnel's options agree.
 */
export const createMixFetch = async (
  opts: SetupMixTunnelOpts & MixFetchConfig = {},
): Promise<MixFetch> => {
  const { defaults, baseUrl, cookieJar, ...tunnel } = opts;
  await setupMixTunnel(tunnel);
  return configured({
    ...(defaults && { defaults }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(cookieJar && { cookieJar }),
    ...(opts.fetchErrors && { fetchErrors: opts.fetchErrors }),
  });
};

/** spec: WHATWG Fetch, HTTP-redirect fetch step 7 */
const STANDARD_REDIRECTS = 20;

/**
 * Replaces globalThis.fetch, for code that cannot be given another; errors and the number of
 * redirects are those of fetch. Returns the function that puts the old one back.
 */
export const installGlobalFetch = (config: MixFetchConfig = {}): (() => void) => {
  const before = globalThis.fetch;
  const base = typeof location === 'undefined' ? {} : { baseUrl: location.href };
  globalThis.fetch = configured({
    fetchErrors: 'spec',
    ...base,
    ...config,
    defaults: { maxRedirections: STANDARD_REDIRECTS, ...config.defaults },
  }) as typeof fetch;
  return () => {
    globalThis.fetch = before;
  };
};
