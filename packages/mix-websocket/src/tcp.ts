// Raw TCP and TLS streams, in the shape of the WinterTC sockets API. spec: api part 2 §6
import {
  MixError,
  sharedTunnel,
  type Channel,
  type ChannelNews,
  type TlsChannelOptions,
} from '@mixweb/mix-tunnel';

import { Incoming } from './incoming.ts';
import { checkNumber, checkPort, MAX_MS } from './options.ts';

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
  opened: Promise<{ remoteAddress: string; remotePort: number }>;
  /** Resolves after an orderly end of both directions, rejects otherwise. */
  closed: Promise<void>;
  close(): Promise<void>;
  /** Goes on in TLS with a new socket; this one must not be used any more. */
  startTls(options?: MixTlsOptions): Promise<MixSocket>;
}

/** Who hears the news of a channel, and of its abort. */
type TakeOver = (hear: (news: ChannelNews) => void, fail: (reason: unknown) => void) => void;
type Opened = Extract<ChannelNews, { kind: 'socketOpen' }>;

const tlsOptions = (options: MixTlsOptions): TlsChannelOptions => ({
  serverName: options.serverName,
  alpn: options.alpn ?? [],
});

/** The streams over one channel. TLS that starts later replaces them: see `startTls`. */
class Socket implements MixSocket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<{ remoteAddress: string; remotePort: number }>;
  readonly closed: Promise<void>;
  readonly #channel: Channel;
  readonly #takeOver: TakeOver;
  readonly #incoming: Incoming<Uint8Array>;
  #outgoing!: WritableStreamDefaultController;
  #write: { left: number; resolve(): void; reject(reason: unknown): void } | undefined;
  #finish!: () => void;
  #lose!: (reason: unknown) => void;
  #isOver = false;

  constructor(channel: Channel, opened: Opened, takeOver: TakeOver) {
    this.#channel = channel;
    this.#takeOver = takeOver;
    this.opened = Promise.resolve({ remoteAddress: opened.address, remotePort: opened.port });
    this.closed = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#lose = reject;
    });
    this.closed.catch(() => undefined);
    this.#incoming = new Incoming(
      (chunk) => channel.command({ kind: 'consumed', size: chunk.byteLength }),
      () => channel.command({ kind: 'socketClose' }),
    );
    this.readable = this.#incoming.readable;
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => void (this.#outgoing = controller),
      write: (bytes) => this.#send(bytes),
      close: () => channel.command({ kind: 'endWriting' }),
      abort: () => channel.command({ kind: 'socketClose' }),
    });
    takeOver(
      (news) => this.#hear(news),
      (reason) => this.#fail(reason),
    );
  }

  close(): Promise<void> {
    this.#channel.command({ kind: 'socketClose' });
    return this.closed;
  }

  startTls(options: MixTlsOptions = {}): Promise<MixSocket> {
    return new Promise((resolve, reject) => {
      this.#isOver = true;
      const error = new MixError('SOCKET_CLOSED', 'IO error: the socket goes on in TLS');
      this.#incoming.fail(error);
      this.#outgoing.error(error);
      const fail = (failure: unknown): void => {
        this.#lose(failure);
        reject(failure as Error);
      };
      this.#takeOver((news) => {
        if (news.kind === 'socketOpen') {
          this.#finish();
          resolve(new Socket(this.#channel, news, this.#takeOver));
        } else if (news.kind === 'failed' || news.kind === 'refused') {
          if (news.kind === 'refused') this.#channel.cancel();
          fail(MixError.from({ ...news.error, phase: 'tls' }));
        } else if (news.kind === 'socketClosed') {
          fail(new MixError('SOCKET_CLOSED', 'IO error: socket is closed'));
        }
      }, fail);
      this.#channel.command({ kind: 'startTls', tls: tlsOptions(options) });
    });
  }

  #send(bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#write = { left: bytes.byteLength, resolve, reject };
      const copy = new Uint8Array(bytes);
      this.#channel.command({ kind: 'write', data: copy }, [copy.buffer]);
    });
  }

  #hear(news: ChannelNews): void {
    if (this.#isOver) return;
    switch (news.kind) {
      case 'bytes':
        this.#incoming.add(news.data);
        break;
      case 'sent':
        this.#sent(news.size);
        break;
      case 'ended':
        this.#incoming.end();
        break;
      case 'socketClosed':
        this.#isOver = true;
        this.#incoming.end();
        this.#stopWriting(new MixError('SOCKET_CLOSED', 'IO error: socket is closed'));
        this.#finish();
        break;
      case 'refused':
        this.#write?.reject(MixError.from(news.error));
        this.#write = undefined;
        break;
      case 'failed':
        this.#fail(MixError.from(news.error));
        break;
      default:
        break;
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#incoming.fail(error);
    this.#stopWriting(error);
    this.#lose(error);
  }

  #sent(size: number): void {
    if (!this.#write) return;
    this.#write.left -= size;
    if (this.#write.left > 0) return;
    this.#write.resolve();
    this.#write = undefined;
  }

  #stopWriting(error: unknown): void {
    this.#write?.reject(error);
    this.#write = undefined;
    this.#outgoing.error(error);
  }
}

/** Connects to a host from the exit. Resolves when the stream is open. */
export const mixConnect = async (
  host: string,
  port: number,
  options: MixSocketOptions = {},
): Promise<MixSocket> => {
  const { signal, timeoutMs } = options;
  checkPort(port);
  checkNumber('timeoutMs', timeoutMs, 1, MAX_MS);
  const tls = options.tls === true ? {} : options.tls === false ? undefined : options.tls;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => signal?.removeEventListener('abort', onAbort);
    let fail: (reason: unknown) => void = reject;
    let hear = (news: ChannelNews): void => {
      if (news.kind === 'socketOpen') {
        const takeOver: TakeOver = (nextHear, nextFail) => {
          hear = nextHear;
          fail = nextFail;
        };
        resolve(new Socket(channel, news, takeOver));
      } else if (news.kind === 'failed') {
        reject(MixError.from({ ...news.error, phase: 'connect', retryable: true }));
      }
    };
    const onAbort = (): void => {
      channel.cancel();
      fail(signal?.reason);
    };
    const channel = sharedTunnel().openChannel(
      { kind: 'tcp', host, port, tls: tls && tlsOptions(tls), timeoutMs },
      (news) => {
        if (news.kind === 'socketClosed' || news.kind === 'failed') stop();
        hear(news);
      },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
};
