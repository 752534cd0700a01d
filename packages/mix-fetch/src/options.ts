// What mixFetch takes beyond RequestInit. spec: api part 2 §3
import type { CookieStore, FetchErrors } from '@mixweb/mix-tunnel';

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
  cookieJar?: CookieStore;
  /** Default: the tunnel's option. */
  fetchErrors?: FetchErrors;
}
