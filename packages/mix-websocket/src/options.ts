// Arguments of a WebSocket, checked as the DOM checks them. spec: api part 2 §5
import type { ChannelRequest } from '@mixweb/mix-tunnel';

export interface MixWebSocketInit {
  /** Sub-protocols in order of preference. */
  protocols?: string | string[];
  /** Further headers of the handshake. */
  headers?: HeadersInit;
  /** Ends the socket, with error and close. */
  signal?: AbortSignal;
  /** Name, TCP, TLS and handshake together, ms. Default 60 000. */
  handshakeTimeoutMs?: number;
  /** Own pings, ms; 0 is off. Default 30 000. */
  pingIntervalMs?: number;
  /** Without any byte for so long while pinging, the socket is lost, ms. Default 60 000. */
  pongTimeoutMs?: number;
  /** Offer compression. Default true. */
  perMessageDeflate?: boolean;
  /** Larger messages of the server end the socket, bytes. Default 64 MiB. */
  maxMessageSize?: number;
  /** Value of the Origin header. Default: none is sent. */
  origin?: string;
}

export type WebSocketRequest = Extract<ChannelRequest, { kind: 'webSocket' }>;

export const MAX_MS = 2 ** 31 - 1;
const MAX_BYTES = 2 ** 30;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const syntaxError = (message: string): DOMException => new DOMException(message, 'SyntaxError');

function checkedUrl(text: string | URL): string {
  let url: URL;
  try {
    const base = (globalThis as { location?: { href: string } }).location?.href;
    url = new URL(text, base?.startsWith('http') === true ? base : undefined);
  } catch {
    throw syntaxError(`invalid WebSocket URL: ${String(text)}`);
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw syntaxError(`invalid WebSocket URL: scheme '${url.protocol}' (expected ws or wss)`);
  }
  if (url.href.includes('#')) throw syntaxError('invalid WebSocket URL: it has a fragment');
  return url.href;
}

function checkedProtocols(given: string | Iterable<string> | undefined): string[] {
  const protocols =
    given === undefined ? [] : typeof given === 'string' ? [given] : Array.from(given, String);
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (!TOKEN.test(protocol) || seen.has(protocol.toLowerCase())) {
      throw syntaxError(`invalid or repeated sub-protocol: ${protocol}`);
    }
    seen.add(protocol.toLowerCase());
  }
  return protocols;
}

/** Throws RangeError, for a number that is given and not within. */
export function checkNumber(name: string, value: unknown, least: number, most: number): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new RangeError(`${name}: expected ${least} to ${most}, got ${String(value)}`);
  }
}

/** Throws RangeError. */
export function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`port: expected 1 to 65535, got ${port}`);
  }
}

/** As Web IDL reads a union: what iterates is a sequence, null an empty dictionary. */
function initOf(second: string | string[] | MixWebSocketInit | undefined | null): MixWebSocketInit {
  if (second === undefined || second === null) return {};
  if (typeof second === 'object' && !(Symbol.iterator in second)) return second;
  return { protocols: typeof second === 'object' ? second : String(second) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Credentials go as the header that they mean. spec: WHATWG Fetch, HTTP-network-or-cache fetch */
function withoutCredentials(href: string, headers: Headers): string {
  const url = new URL(href);
  if (url.username === '' && url.password === '') return href;
  const pair = new TextEncoder().encode(`${decoded(url.username)}:${decoded(url.password)}`);
  const basic = `Basic ${btoa(String.fromCharCode(...pair))}`;
  if (!headers.has('authorization')) headers.set('authorization', basic);
  url.username = '';
  url.password = '';
  return url.href;
}

/** Reads the two arguments of the constructors. Throws SyntaxError (a DOMException), RangeError. */
export function readArguments(
  url: string | URL,
  second: string | string[] | MixWebSocketInit | undefined | null,
): { href: string; request: WebSocketRequest; signal: AbortSignal | undefined } {
  const init = initOf(second);
  checkNumber('handshakeTimeoutMs', init.handshakeTimeoutMs, 1, MAX_MS);
  checkNumber('pingIntervalMs', init.pingIntervalMs, 0, MAX_MS);
  checkNumber('pongTimeoutMs', init.pongTimeoutMs, 1, MAX_MS);
  checkNumber('maxMessageSize', init.maxMessageSize, 1, MAX_BYTES);
  const href = checkedUrl(url);
  const headers = new Headers(init.headers);
  return {
    href,
    request: {
      kind: 'webSocket',
      url: withoutCredentials(href, headers),
      protocols: checkedProtocols(init.protocols),
      headers: [...headers],
      origin: init.origin,
      perMessageDeflate: init.perMessageDeflate,
      handshakeTimeoutMs: init.handshakeTimeoutMs,
      pingIntervalMs: init.pingIntervalMs,
      pongTimeoutMs: init.pongTimeoutMs,
      maxMessageSize: init.maxMessageSize,
    },
    signal: init.signal,
  };
}

/**
 * The arguments of WebSocket.close as Web IDL converts them: a number, and text that is UTF-8.
 * Throws InvalidAccessError or SyntaxError as WebSocket.close does.
 */
export function checkClose(code: number, reason: string): { code: number; reason: string } {
  const number = Number(code);
  if (number !== 1000 && !(Number.isInteger(number) && number >= 3000 && number <= 4999)) {
    throw new DOMException(
      `the close code must be 1000 or between 3000 and 4999, ${code} is neither`,
      'InvalidAccessError',
    );
  }
  const bytes = new TextEncoder().encode(reason);
  if (bytes.byteLength > 123) {
    throw syntaxError('the close reason must not be longer than 123 bytes');
  }
  return { code: number, reason: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) };
}
