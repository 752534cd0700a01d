import {
  CookieJar,
  CookieStore as CookieStore$1,
  FetchErrors,
  FetchTiming,
  MixError,
  MixErrorCode,
  SetupMixTunnelOpts,
  ToughCookieJar,
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';

/** How far a transfer is, bytes. `total` is absent while nobody knows it. */
export interface Progress {
  loaded: number;
  total?: number;
}
/** Additions to RequestInit. All optional. */
export interface MixRequestInit extends RequestInit {
  /** Needed with a ReadableStream as body, as in fetch. */
  duplex?: 'half';
  /** Limit of the whole exchange, ms. Default none. */
  timeoutMs?: number;
  /** Name, TCP and TLS together, ms. Default 60 000. */
  connectTimeout?: number;
  /** From the last byte of the request to the response head, ms. Default 120 000. */
  headersTimeout?: number;
  /** Between two body chunks, in either direction, ms. Default 120 000. */
  bodyTimeout?: number;
  /** Redirects followed, 0..255. Default: the tunnel's maxRedirects. */
  maxRedirections?: number;
  /** Body bytes, decoded, beyond which the exchange fails. Default unlimited. */
  maxResponseSize?: number;
  /** Different keys never share a connection, a TLS session, known names or a tunnel's cookies. */
  isolationKey?: string;
  /** Hears how much of the body has reached the server. */
  onUploadProgress?: (progress: Progress) => void;
  /** Hears how much of the body has arrived, decoded. */
  onDownloadProgress?: (progress: Progress) => void;
  /** Remove gzip, deflate and br. Default true, but false when Accept-Encoding is given. */
  decompress?: boolean;
  /** Send the default User-Agent, Accept, … where the caller gives none. Default true. */
  defaultHeaders?: boolean;
  /** Order among requests that wait for a connection to one origin. Default 'auto'. */
  priority?: 'high' | 'low' | 'auto';
}
/** One configuration of mixFetch over the shared tunnel. */
export interface MixFetchConfig {
  /** Used where a call's init says nothing; headers are merged, the call's win. */
  defaults?: MixRequestInit;
  /** What relative URLs are relative to. */
  baseUrl?: string | URL;
  /**
   * Keeps cookies between requests, whatever their isolation key. Default: what the tunnel's option
   * `cookies` says; without it none are sent or kept.
   */
  cookieJar?: CookieStore$1;
  /** Default: the tunnel's option. */
  fetchErrors?: FetchErrors;
}
export interface MixFetch {
  /** As fetch: resolves after the response head, whatever its status. */
  (input: string | URL | Request, init?: MixRequestInit): Promise<Response>;
  /** Where the time went, ms; known once the body has been read to its end. */
  timing(response: Response): FetchTiming | undefined;
  /** Another configuration over the same tunnel; its defaults come over those of this one. */
  extend(config: MixFetchConfig): MixFetch;
}
/** Drop-in fetch through the mixnet. Set the tunnel up first. Rejects with MixError. */
export declare const mixFetch: MixFetch;
/**
 * Sets the tunnel up and returns a mixFetch of its own. Rejects when a tunnel lives already, unless
 * `reuse: 'share'` is given and the tunnel's options agree.
 */
export declare const createMixFetch: (
  opts?: SetupMixTunnelOpts & MixFetchConfig,
) => Promise<MixFetch>;
/**
 * Replaces globalThis.fetch, for code that cannot be given another; errors and the number of
 * redirects are those of fetch. Returns the function that puts the old one back.
 */
export declare const installGlobalFetch: (config?: MixFetchConfig) => () => void;

export {
  CookieJar,
  CookieStore$1 as CookieStore,
  FetchErrors,
  FetchTiming,
  MixError,
  MixErrorCode,
  SetupMixTunnelOpts,
  ToughCookieJar,
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
};

export {};
