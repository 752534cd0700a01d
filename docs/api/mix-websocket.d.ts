import {
  MixError,
  MixErrorCode,
  SetupMixTunnelOpts,
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';

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
export type MixWebSocketReadyState = 0 | 1 | 2 | 3;
type SendData = string | ArrayBufferLike | ArrayBufferView | Blob;
type Handler<E extends Event> = ((this: WebSocket, event: E) => unknown) | null;
export interface MixWebSocket {
  addEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: WebSocketEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: WebSocketEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
/**
 * A WebSocket through the page's mixnet tunnel. Set the tunnel up first.
 *
 * Give it to libraries that expect `WebSocket`, or use it as the reference's class: `await
 * ws.opened()`, `await ws.send()`, `await ws.close()`.
 */
export declare class MixWebSocket extends EventTarget {
  #private;
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly url: string;
  /** The sub-protocols that were asked for. */
  readonly protocols: string[];
  /** Throws SyntaxError (a DOMException) for a bad URL or sub-protocol. */
  constructor(url: string | URL, protocols?: string | string[] | MixWebSocketInit);
  get readyState(): MixWebSocketReadyState;
  /** Bytes given to `send` that have not reached the TCP buffer. */
  get bufferedAmount(): number;
  /** The sub-protocol agreed on. */
  get protocol(): string;
  get extensions(): string;
  /** What binary messages come as. Default `arraybuffer`, unlike the DOM's. */
  get binaryType(): BinaryType;
  set binaryType(type: BinaryType);
  /** Rejects when the socket fails. */
  get ready(): Promise<{
    protocol: string;
    extensions: string;
  }>;
  get closed(): Promise<{
    code: number;
    reason: string;
    wasClean: boolean;
  }>;
  get onopen(): Handler<Event>;
  set onopen(handler: Handler<Event>);
  get onmessage(): Handler<MessageEvent>;
  set onmessage(handler: Handler<MessageEvent>);
  get onclose(): Handler<CloseEvent>;
  set onclose(handler: Handler<CloseEvent>);
  get onerror(): Handler<Event>;
  set onerror(handler: Handler<Event>);
  /** Resolves once the socket is open, or has failed. */
  opened(): Promise<void>;
  /** Resolves when the bytes are in the TCP buffer. Nobody has to wait for it. */
  send(data: SendData): Promise<void>;
  /** Resolves once the socket is closed. Default code 1000. A second call changes nothing. */
  close(code?: number, reason?: string): Promise<void>;
  /** Round trip, ms. Rejects when the socket ends first. */
  ping(data?: Uint8Array): Promise<number>;
}
export interface MixWebSocketStreams {
  /** Strings and Uint8Arrays. The server is held back while nobody reads. */
  readable: ReadableStream<string | Uint8Array>;
  /** Strings and bytes. A write is done when its bytes are in the TCP buffer. */
  writable: WritableStream<string | ArrayBufferLike | ArrayBufferView>;
  protocol: string;
  extensions: string;
}
export declare class MixWebSocketStream {
  #private;
  readonly url: string;
  readonly opened: Promise<MixWebSocketStreams>;
  readonly closed: Promise<{
    closeCode: number;
    reason: string;
  }>;
  constructor(url: string | URL, init?: MixWebSocketInit);
  close({ closeCode, reason }?: { closeCode?: number; reason?: string }): void;
}
export interface MixTlsOptions {
  /** Name in SNI and certificate. Default: the host. */
  serverName?: string;
  /** Protocols to offer, in order of preference. Default none. */
  alpn?: string[];
}
export interface MixSocketOptions {
  /** TLS from the beginning. Default false. */
  tls?: boolean | MixTlsOptions;
  /** Ends the socket. */
  signal?: AbortSignal;
  /** Name, TCP and TLS together, ms. Default 60 000. */
  timeoutMs?: number;
}
export interface MixSocket {
  /** The peer is held back while nobody reads. */
  readable: ReadableStream<Uint8Array>;
  /** Closing it ends our direction; the peer's goes on. */
  writable: WritableStream<Uint8Array>;
  opened: Promise<{
    remoteAddress: string;
    remotePort: number;
  }>;
  /** Resolves after an orderly end of both directions, rejects otherwise. */
  closed: Promise<void>;
  close(): Promise<void>;
  /** Goes on in TLS with a new socket; this one must not be used any more. */
  startTls(options?: MixTlsOptions): Promise<MixSocket>;
}
/** Connects to a host from the exit. Resolves when the stream is open. */
export declare const mixConnect: (
  host: string,
  port: number,
  options?: MixSocketOptions,
) => Promise<MixSocket>;
export interface MixDatagram {
  data: Uint8Array;
  address: string;
  port: number;
}
export interface MixUdpSocket {
  /**
   * To an IP literal or a name. Resolves once it is on its way: as with UDP, nothing tells whether
   * it arrives, or whether the name exists. Rejects when it cannot go out.
   */
  send(data: Uint8Array, host: string, port: number): Promise<void>;
  /** Datagrams from anybody. What a slow reader leaves is lost. */
  readable: ReadableStream<MixDatagram>;
  close(): Promise<void>;
}
/** A UDP socket on a random port of the tunnel's address. */
export declare const mixUdp: () => Promise<MixUdpSocket>;

export {
  MixError,
  MixErrorCode,
  SetupMixTunnelOpts,
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
};

export {};
