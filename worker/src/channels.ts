// Channels between page, worker and wasm module: DNS questions, WebSockets, TCP and UDP sockets.
// One channel is one MessagePort: the page sends commands, the worker news. The shapes are those of
// wasm/channel_values.cpp.
import type { ErrorFields } from './protocol.ts';

export type DnsTransport = 'udp' | 'tcp' | 'tls' | 'https';

export interface DnsChannelRequest {
  kind: 'dns';
  what: 'addresses' | 'records' | 'reverse';
  name: string;
  type?: string | undefined;
  family?: 4 | 6 | undefined;
  noCache?: boolean | undefined;
  transport?: DnsTransport | undefined;
  server?: string | undefined;
  timeoutMs?: number | undefined;
}

export interface WebSocketChannelRequest {
  kind: 'webSocket';
  url: string;
  protocols: string[];
  headers: [string, string][];
  origin?: string | undefined;
  perMessageDeflate?: boolean | undefined;
  handshakeTimeoutMs?: number | undefined;
  pingIntervalMs?: number | undefined;
  pongTimeoutMs?: number | undefined;
  maxMessageSize?: number | undefined;
}

export interface TlsChannelOptions {
  serverName?: string | undefined;
  alpn: string[];
}

export interface TcpChannelRequest {
  kind: 'tcp';
  host: string;
  port: number;
  tls?: TlsChannelOptions | undefined;
  timeoutMs?: number | undefined;
}

export type ChannelRequest =
  DnsChannelRequest | WebSocketChannelRequest | TcpChannelRequest | { kind: 'udp' };

export type ChannelCommand =
  /** UTF-8. */
  | { kind: 'text'; data: Uint8Array }
  | { kind: 'binary'; data: Uint8Array }
  | { kind: 'ping'; data: Uint8Array }
  | { kind: 'wsClose'; code?: number | undefined; reason: string }
  | { kind: 'write'; data: Uint8Array }
  | { kind: 'datagram'; data: Uint8Array; host: string; port: number }
  | { kind: 'startTls'; tls: TlsChannelOptions }
  | { kind: 'endWriting' }
  | { kind: 'socketClose' }
  /** The reader took a message or datagram of that many bytes, or so many of a stream. */
  | { kind: 'consumed'; size: number };

/** What the page sends over a channel's port. */
export type ChannelControl = ChannelCommand | { kind: 'cancel' };

export interface DnsAddress {
  address: string;
  family: 4 | 6;
  ttlMs: number;
}

export type ChannelNews =
  | { kind: 'addresses'; addresses: DnsAddress[] }
  | {
      kind: 'records';
      records: unknown[];
      canonicalName: string;
      ttlMs: number;
      server: string;
      authenticated: boolean;
      fromCache: boolean;
    }
  | { kind: 'wsOpen'; protocol: string; extensions: string }
  | { kind: 'text'; data: string; size: number }
  | { kind: 'binary'; data: Uint8Array<ArrayBuffer> }
  /** What the TCP buffer took; of a UDP socket: one datagram. */
  | { kind: 'sent'; size: number }
  | { kind: 'pong'; data: Uint8Array<ArrayBuffer> }
  | { kind: 'wsClose'; code: number; reason: string; wasClean: boolean; error?: ErrorFields }
  | { kind: 'socketOpen'; address: string; port: number; alpn: string }
  | { kind: 'bytes'; data: Uint8Array<ArrayBuffer> }
  | { kind: 'ended' }
  | { kind: 'datagram'; data: Uint8Array<ArrayBuffer>; address: string; port: number }
  | { kind: 'socketClosed' }
  /** A command was refused, for instance because too much is queued; the channel goes on. */
  | { kind: 'refused'; error: ErrorFields }
  | { kind: 'failed'; error: ErrorFields };

const LAST = new Set<ChannelNews['kind']>([
  'addresses',
  'records',
  'wsClose',
  'socketClosed',
  'failed',
]);

/** Nothing of the channel follows after such news. */
export function isLast(news: ChannelNews): boolean {
  return LAST.has(news.kind);
}

/** What of news may move to the other side instead of being copied. */
export function transferOf(news: ChannelNews): ArrayBuffer[] {
  return 'data' in news && typeof news.data !== 'string' ? [news.data.buffer] : [];
}

/**
 * Names with letters beyond ASCII in the form that the DNS knows (IDNA, as URLs do it). What the
 * platform refuses is left as it is: the engine then says what is wrong with it.
 */
export function asciiName(name: string): string {
  // eslint-disable-next-line no-control-regex -- exactly the ASCII ones are left alone
  if (/^[\x00-\x7f]*$/.test(name)) return name;
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    return name;
  }
}

/** The same request or command, with its name as the DNS knows it. */
export function withAsciiName<T extends ChannelRequest | ChannelCommand>(said: T): T {
  if (said.kind === 'dns') return { ...said, name: asciiName(said.name) };
  if (said.kind === 'tcp' || said.kind === 'datagram') {
    return { ...said, host: asciiName(said.host) };
  }
  return said;
}
