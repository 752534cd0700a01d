// WebSockets as the reference's worker interface has them: numbered handles and one callback.
// spec: api part 1 §1, reference-behaviour §7
import type { ChannelCommand, ChannelNews } from './channels.ts';
import type { EngineHost } from './engine-host.ts';

export type WsEventType = 'open' | 'text' | 'binary' | 'close' | 'error';
/** `data`: open: sub-protocol; text: string; binary: Uint8Array; close: {code, reason}; error: text. */
export type WsEventCallback = (handleId: number, type: WsEventType, data: unknown) => void;

interface Socket {
  command(command: ChannelCommand): void;
}

export class ReferenceSockets {
  readonly #sockets = new Map<number, Socket>();
  #lastHandle = 0;

  open(host: EngineHost, url: string, protocols: string[], onEvent: WsEventCallback): number {
    const handle = ++this.#lastHandle;
    const onNews = (news: ChannelNews): void => {
      switch (news.kind) {
        case 'wsOpen':
          onEvent(handle, 'open', news.protocol);
          break;
        case 'text':
          onEvent(handle, 'text', news.data);
          this.#sockets.get(handle)?.command({ kind: 'consumed', size: news.size });
          break;
        case 'binary': {
          const { byteLength } = news.data;
          onEvent(handle, 'binary', news.data);
          this.#sockets.get(handle)?.command({ kind: 'consumed', size: byteLength });
          break;
        }
        case 'wsClose':
          this.#sockets.delete(handle);
          if (news.error) onEvent(handle, 'error', news.error.message);
          onEvent(handle, 'close', { code: news.code, reason: news.reason });
          break;
        case 'failed':
          this.#sockets.delete(handle);
          onEvent(handle, 'error', news.error.message);
          break;
        default:
          break;
      }
    };
    // News may come before the control is there: it is kept first.
    const pending: ChannelNews[] = [];
    let started = false;
    const control = host.openChannel({ kind: 'webSocket', url, protocols, headers: [] }, (news) => {
      if (started) onNews(news);
      else pending.push(news);
    });
    this.#sockets.set(handle, control);
    started = true;
    for (const news of pending) onNews(news);
    return handle;
  }

  send(handle: number, data: string | Uint8Array | ArrayBuffer): void {
    const socket = this.#find(handle);
    if (typeof data === 'string') {
      socket.command({ kind: 'text', data: new TextEncoder().encode(data) });
    } else if (data instanceof Uint8Array) socket.command({ kind: 'binary', data });
    else socket.command({ kind: 'binary', data: new Uint8Array(data) });
  }

  close(handle: number, code: number, reason: string): void {
    this.#find(handle).command({ kind: 'wsClose', code, reason });
  }

  #find(handle: number): Socket {
    const socket = this.#sockets.get(handle);
    if (!socket) throw new Error(`WebSocket error: WebSocket handle ${handle} not found`);
    return socket;
  }
}
