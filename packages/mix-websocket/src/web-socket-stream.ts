// MixWebSocketStream: messages as streams, with back-pressure both ways. spec: api part 2 §5
import { MixError, sharedTunnel, type ChannelNews } from '@mixweb/mix-tunnel';

import { Incoming } from './incoming.ts';
import { checkClose, readArguments, type MixWebSocketInit } from './options.ts';

export interface MixWebSocketStreams {
  /** Strings and Uint8Arrays. The server is held back while nobody reads. */
  readable: ReadableStream<string | Uint8Array>;
  /** Strings and bytes. A write is done when its bytes are in the TCP buffer. */
  writable: WritableStream<string | ArrayBufferLike | ArrayBufferView>;
  protocol: string;
  extensions: string;
}

interface Deferred {
  resolve(): void;
  reject(reason: unknown): void;
}

export class MixWebSocketStream {
  readonly url: string;
  readonly opened: Promise<MixWebSocketStreams>;
  readonly closed: Promise<{ closeCode: number; reason: string }>;
  readonly #close: (code: number, reason: string) => void;

  constructor(url: string | URL, init: MixWebSocketInit = {}) {
    const { href, request, signal } = readArguments(url, init);
    this.url = href;
    const unsent: Deferred[] = [];
    let outgoing!: WritableStreamDefaultController;
    let ended = false;

    const incoming = new Incoming<string | Uint8Array>(
      (message) => {
        const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
        channel.command({ kind: 'consumed', size: bytes.byteLength });
      },
      () => close(1000, ''),
    );
    const writable = new WritableStream<string | ArrayBufferLike | ArrayBufferView>({
      start: (controller) => void (outgoing = controller),
      write: (data) =>
        new Promise((resolve, reject) => {
          unsent.push({ resolve, reject });
          if (typeof data === 'string') {
            channel.command({ kind: 'text', data: new TextEncoder().encode(data) });
          } else {
            const view = ArrayBuffer.isView(data)
              ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
              : new Uint8Array(data);
            channel.command({ kind: 'binary', data: new Uint8Array(view) });
          }
        }),
      close: () => close(1000, ''),
      abort: () => close(1000, ''),
    });
    let open!: (streams: MixWebSocketStreams) => void;
    let refuse!: (reason: unknown) => void;
    this.opened = new Promise((resolve, reject) => {
      open = resolve;
      refuse = reject;
    });
    let finish!: (end: { closeCode: number; reason: string }) => void;
    let lose!: (reason: unknown) => void;
    this.closed = new Promise((resolve, reject) => {
      finish = resolve;
      lose = reject;
    });
    this.opened.catch(() => undefined);
    this.closed.catch(() => undefined);

    const fail = (error: unknown): void => {
      if (ended) return;
      ended = true;
      refuse(error);
      lose(error);
      for (const { reject } of unsent) reject(error);
      incoming.fail(error);
      outgoing.error(error);
    };
    const onNews = (news: ChannelNews): void => {
      if (ended) return;
      switch (news.kind) {
        case 'wsOpen': {
          const { protocol, extensions } = news;
          open({ readable: incoming.readable, writable, protocol, extensions });
          break;
        }
        case 'text':
        case 'binary':
          incoming.add(news.data);
          break;
        case 'sent':
          unsent.shift()?.resolve();
          break;
        case 'wsClose': {
          if (news.error || !news.wasClean) {
            fail(
              MixError.from(news.error ?? { code: 'SOCKET_CLOSED', message: 'connection lost' }),
            );
            break;
          }
          ended = true;
          const error = new MixError('SOCKET_CLOSED', 'WebSocket error: the socket is closed');
          refuse(error);
          for (const { reject } of unsent) reject(error);
          incoming.end();
          outgoing.error(error);
          finish({ closeCode: news.code, reason: news.reason });
          break;
        }
        case 'refused':
          channel.cancel();
          fail(MixError.from(news.error));
          break;
        case 'failed':
          fail(MixError.from(news.error));
          break;
        default:
          break;
      }
    };
    const channel = sharedTunnel().openChannel(request, onNews);
    const close = (code: number, reason: string): void => {
      if (!ended) channel.command({ kind: 'wsClose', code, reason });
    };
    this.#close = close;
    const onAbort = (): void => {
      channel.cancel();
      fail(signal?.reason);
    };
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    const stop = (): void => signal?.removeEventListener('abort', onAbort);
    this.closed.then(stop, stop);
  }

  close({ closeCode = 1000, reason = '' }: { closeCode?: number; reason?: string } = {}): void {
    const end = checkClose(closeCode, reason);
    this.#close(end.code, end.reason);
  }
}
