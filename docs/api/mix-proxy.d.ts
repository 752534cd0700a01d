// Types of proxy.mjs.
import type { MixSocket } from '@mixweb/mix-websocket';

export interface ProxyOptions {
  /** Where to listen. Default 127.0.0.1: the proxy asks for no password. */
  host?: string;
  /** Default 1080; 0 takes a free one. */
  port?: number;
  /** More connections than these are closed at once. Default 256. */
  maxConnections?: number;
  /** Opens a connection. Default `mixConnect`. */
  connect?: (
    host: string,
    port: number,
    options: { signal: AbortSignal },
  ) => Promise<Pick<MixSocket, 'readable' | 'writable'>>;
}

export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/** Listens for SOCKS5 and HTTP at one port. The tunnel must have been set up. */
export declare function startProxy(options?: ProxyOptions): Promise<Proxy>;
