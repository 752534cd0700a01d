// From the arguments of fetch to the engine's plain request. The platform's own Request, Headers
// and body rules do the normalising, so that they agree with WHATWG Fetch.
import { MixError, type FetchRequest } from '@mixweb/mix-tunnel';

/** Additions to RequestInit. spec: api part 2 §3 */
export interface MixRequestInit extends RequestInit {
  /** Limit of the whole exchange, ms. Default none. */
  timeoutMs?: number;
  /** Name, TCP and TLS together, ms. Default 60 000. */
  connectTimeout?: number;
  /** Until the response head, ms. Default 120 000. */
  headersTimeout?: number;
  /** Between two body chunks, ms. Default 120 000. */
  bodyTimeout?: number;
  /** Redirects followed. Default: the tunnel's maxRedirects. */
  maxRedirections?: number;
  /** Requests with different keys never share a connection. */
  isolationKey?: string;
  /** Send the default User-Agent, Accept, … where the caller gives none. Default true. */
  defaultHeaders?: boolean;
}

export interface Prepared {
  request: FetchRequest;
  signal: AbortSignal | undefined;
}

function absoluteUrl(input: string | URL): string {
  let url: URL;
  try {
    url = new URL(input);
  } catch {
    const what = /^[a-z][a-z0-9+.-]*:/i.test(String(input))
      ? String(input)
      : 'relative URL without a base';
    throw new MixError('BAD_URL', `URL error: ${what}`, { phase: 'request', retryable: true });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const scheme = url.protocol.slice(0, -1);
    throw new MixError(
      'BAD_SCHEME',
      `HTTP error: unsupported scheme '${scheme}' (expected http or https)`,
      { phase: 'request', retryable: true },
    );
  }
  return url.href;
}

/** The bytes of any BodyInit and the content type that it implies. */
async function readBody(
  body: BodyInit,
): Promise<{ bytes: Uint8Array; contentType: string | null }> {
  let carrier: Response;
  try {
    carrier = new Response(body);
  } catch (cause) {
    throw new MixError(
      'BAD_BODY',
      'HTTP error: unsupported body type (expected string, Uint8Array, or ArrayBuffer)',
      { cause, phase: 'request', retryable: true },
    );
  }
  const bytes = new Uint8Array(await carrier.arrayBuffer());
  return { bytes, contentType: carrier.headers.get('content-type') };
}

/** Pairs stay pairs, so that repeated fields survive; names and values are checked by Headers. */
function headerPairs(init: HeadersInit): [string, string][] {
  const checked = new Headers();
  const pairs: [string, string][] = [];
  const entries =
    init instanceof Headers ? init : Symbol.iterator in init ? init : Object.entries(init);
  for (const [name, value] of entries as Iterable<[string, string]>) {
    checked.append(name, value);
    // Surrounding white space is not part of a value (Fetch, "normalize").
    pairs.push([name, String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')]);
  }
  return pairs;
}

/** Checks and flattens the arguments of mixFetch. Rejects with MixError or, as fetch, TypeError. */
export async function prepare(
  input: string | URL | Request,
  init: MixRequestInit = {},
): Promise<Prepared> {
  const base = input instanceof Request ? input : undefined;
  const signal = init.signal ?? base?.signal ?? undefined;
  signal?.throwIfAborted();
  const method = init.method ?? base?.method ?? 'GET';
  const request: FetchRequest = {
    url: absoluteUrl(base ? base.url : (input as string | URL)),
    method,
    headers: headerPairs(init.headers ?? base?.headers ?? []),
    redirect: init.redirect ?? base?.redirect ?? 'follow',
    maxRedirects: init.maxRedirections,
    defaultHeaders: init.defaultHeaders,
    connectTimeoutMs: init.connectTimeout,
    headersTimeoutMs: init.headersTimeout,
    bodyTimeoutMs: init.bodyTimeout,
    timeoutMs: init.timeoutMs,
    isolationKey: init.isolationKey,
  };
  const body = init.body ?? base?.body;
  if (body !== undefined && body !== null) {
    if (/^(GET|HEAD)$/i.test(method)) {
      throw new TypeError(`a ${method.toUpperCase()} request cannot have a body`);
    }
    const { bytes, contentType } = await readBody(body);
    request.body = bytes;
    const given = request.headers.some(([name]) => name.toLowerCase() === 'content-type');
    if (contentType !== null && !given) request.headers.push(['Content-Type', contentType]);
  }
  return { request, signal };
}
