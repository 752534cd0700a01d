// From the arguments of fetch to the engine's plain request. The platform's own Request, Headers
// and body rules do the normalising, so that they agree with WHATWG Fetch.
import { MixError, type FetchRequest } from '@mixweb/mix-tunnel';

import { bodyOfRequest, extractBody, type BodySource, type ExtractedBody } from './body.ts';
import { checkedSignal, isRequest } from './foreign.ts';
import { readIntegrity, type Integrity } from './integrity.ts';
import type { MixRequestInit } from './options.ts';
import { refererFor } from './referrer.ts';

export function abortReason(signal: AbortSignal): unknown {
  // Any value is a reason, null too; old signals tell none.
  if (signal.reason !== undefined) return signal.reason;
  return new DOMException('This operation was aborted', 'AbortError');
}

export interface Prepared {
  request: FetchRequest;
  signal: AbortSignal | undefined;
  /** Set when the body is streamed. */
  body: BodySource | undefined;
  /** Bytes of the body, when known. */
  bodySize: number | undefined;
  integrity: Integrity | undefined;
  credentials: RequestCredentials | undefined;
}

function absoluteUrl(input: string | URL, base: string | URL | undefined): string {
  let url: URL;
  try {
    url = new URL(input, base);
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
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(`a URL with credentials cannot be fetched: ${url.origin}`);
  }
  return url.href;
}

const STANDARD_METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

function normalMethod(method: string): string {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) {
    throw new TypeError(`'${method}' is not a valid HTTP method`);
  }
  const upper = method.toUpperCase();
  if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK') {
    throw new TypeError(`the method ${upper} is not allowed`);
  }
  return STANDARD_METHODS.has(upper) ? upper : method;
}

/** The engine frames messages; api part 2 §3 leaves all other names to the caller. */
const ENGINE_HEADERS = new Set(['connection', 'transfer-encoding', 'upgrade']);

/** Pairs stay pairs, so that repeated fields survive; names and values are checked by Headers. */
export function headerPairs(init: HeadersInit): [string, string][] {
  const checked = new Headers();
  const pairs: [string, string][] = [];
  const entries =
    init instanceof Headers ? init : Symbol.iterator in init ? init : Object.entries(init);
  for (const entry of entries as Iterable<Iterable<string>>) {
    const pair = typeof entry === 'object' ? [...entry] : [];
    if (pair.length !== 2) throw new TypeError('each header needs a name and a value');
    const [name, value] = pair as [string, string];
    checked.append(name, value);
    if (ENGINE_HEADERS.has(String(name).toLowerCase())) {
      throw new TypeError(`the header ${name} cannot be set: it belongs to the connection`);
    }
    // Surrounding white space is not part of a value (Fetch, "normalize").
    pairs.push([String(name), String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '')]);
  }
  return pairs;
}

const has = (headers: [string, string][], wanted: string): boolean =>
  headers.some(([name]) => name.toLowerCase() === wanted);

/** A call's headers over the defaults, field by field. */
function mergedHeaders(
  own: HeadersInit | undefined,
  defaults: HeadersInit | undefined,
): [string, string][] {
  const headers = own === undefined ? [] : headerPairs(own);
  if (defaults === undefined) return headers;
  const further = headerPairs(defaults).filter(([name]) => !has(headers, name.toLowerCase()));
  return [...headers, ...further];
}

/** Nothing is cached here, so every mode goes to the network, as Fetch says for an empty cache. */
function applyCacheMode(cache: RequestCache | undefined, headers: [string, string][]): void {
  if (cache === 'only-if-cached') {
    throw new MixError('BAD_OPTION', "HTTP error: cache 'only-if-cached': there is no cache", {
      phase: 'request',
      retryable: true,
    });
  }
  if (cache === 'no-cache' && !has(headers, 'cache-control')) {
    headers.push(['Cache-Control', 'max-age=0']);
  }
  if (cache === 'no-store' || cache === 'reload') {
    if (!has(headers, 'pragma')) headers.push(['Pragma', 'no-cache']);
    if (!has(headers, 'cache-control')) headers.push(['Cache-Control', 'no-cache']);
  }
}

const MAX_MS = 2 ** 31 - 1;
const LIMITS: readonly [keyof MixRequestInit, number, number][] = [
  ['timeoutMs', 0, MAX_MS],
  ['connectTimeout', 1, MAX_MS],
  ['headersTimeout', 1, MAX_MS],
  ['bodyTimeout', 1, MAX_MS],
  ['maxRedirections', 0, 255],
  ['maxResponseSize', 0, Number.MAX_SAFE_INTEGER],
];

function checkNumbers(init: MixRequestInit): void {
  for (const [name, min, max] of LIMITS) {
    const value = init[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw new RangeError(
        `${name}: expected a number from ${min} to ${max}, got ${String(value)}`,
      );
    }
  }
}

function checkChoice(name: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw new TypeError(`${name}: expected ${choices.join(', ')}, got '${value}'`);
}

/** What the platform knows better: its own words, and which of them go together. */
function checkByPlatform({ mode, cache, referrer, referrerPolicy, window }: MixRequestInit): void {
  const words = { mode, referrer, referrerPolicy, window };
  const known = Object.entries(words).filter(([, value]) => value !== undefined);
  // Without a cache, that mode fails in another way; see applyCacheMode.
  if (cache !== undefined && cache !== 'only-if-cached') known.push(['cache', cache]);
  if (known.length > 0) new Request('https://any.invalid/', Object.fromEntries(known));
}

async function bodyOf(
  init: MixRequestInit,
  base: Request | undefined,
  signal: AbortSignal | undefined,
): Promise<ExtractedBody | undefined> {
  if (init.body !== undefined && init.body !== null) return extractBody(init.body, init.duplex);
  return base && bodyOfRequest(base, signal);
}

/** An aborted fetch rejects, and its body is not wanted any more. */
function throwIfAborted(signal: AbortSignal | undefined, body: unknown): void {
  if (!signal?.aborted) return;
  const reason = abortReason(signal);
  if (body instanceof ReadableStream && !body.locked) body.cancel(reason).catch(() => undefined);
  throw reason;
}

/** Checks and flattens the arguments of mixFetch. Rejects with MixError or, as fetch, TypeError. */
export async function prepare(
  input: string | URL | Request,
  init: MixRequestInit = {},
  baseUrl?: string | URL,
  defaults: MixRequestInit = {},
): Promise<Prepared> {
  const base = isRequest(input) ? input : undefined;
  const given: MixRequestInit = { ...defaults, ...init };
  // null takes the Request's signal away.
  const signal = checkedSignal(
    init.signal === undefined ? (base?.signal ?? defaults.signal) : init.signal,
  );
  throwIfAborted(signal, init.body ?? base?.body);
  checkNumbers(given);
  checkByPlatform(given);
  checkChoice('redirect', given.redirect, ['follow', 'manual', 'error']);
  checkChoice('credentials', given.credentials, ['omit', 'same-origin', 'include']);
  checkChoice('priority', given.priority, ['high', 'low', 'auto']);
  const method = normalMethod(String(init.method ?? base?.method ?? defaults.method ?? 'GET'));
  const headers = mergedHeaders(init.headers ?? base?.headers, defaults.headers);
  applyCacheMode(init.cache ?? base?.cache ?? defaults.cache, headers);
  const url = absoluteUrl(base ? base.url : (input as string | URL), baseUrl);
  const referer = refererFor(
    init.referrer ?? base?.referrer ?? defaults.referrer,
    init.referrerPolicy ?? base?.referrerPolicy ?? defaults.referrerPolicy,
    url,
    baseUrl,
  );
  if (referer !== undefined && !has(headers, 'referer')) headers.push(['Referer', referer]);
  const request: FetchRequest = {
    url,
    method,
    headers,
    redirect: init.redirect ?? base?.redirect ?? defaults.redirect ?? 'follow',
    maxRedirects: given.maxRedirections,
    defaultHeaders: given.defaultHeaders,
    connectTimeoutMs: given.connectTimeout,
    headersTimeoutMs: given.headersTimeout,
    bodyTimeoutMs: given.bodyTimeout,
    timeoutMs: given.timeoutMs,
    isolationKey: given.isolationKey,
    priority: given.priority,
    // Who asks for a coding by name wants to see it.
    decompress: given.decompress ?? !has(headers, 'accept-encoding'),
    uploadNews: given.onUploadProgress !== undefined,
    maxResponseSize: given.maxResponseSize,
  };
  const sends = init.body ?? base?.body ?? null;
  if (sends !== null && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError(`a ${method} request cannot have a body`);
  }
  const integrity = readIntegrity(init.integrity ?? base?.integrity ?? defaults.integrity ?? '');
  const body = await bodyOf(init, base, signal);
  if (signal?.aborted) throw abortReason(signal);
  if (body?.bytes !== undefined) request.body = body.bytes;
  if (body?.source !== undefined) {
    request.streamed = { length: body.source.length, replayable: body.source.replayable };
  }
  if (body && body.contentType !== null && !has(headers, 'content-type')) {
    headers.push(['Content-Type', body.contentType]);
  }
  return {
    request,
    signal,
    body: body?.source,
    bodySize: body?.bytes?.byteLength ?? body?.source?.length,
    integrity,
    credentials: init.credentials ?? base?.credentials ?? defaults.credentials,
  };
}
