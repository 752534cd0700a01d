// One conversation with a chat server (server.mjs) over a MixWebSocket. A lost socket is opened
// again, and what was said meanwhile comes with the server's memory.
import { MixWebSocket } from '@mixweb/mix-websocket';

export const SUB_PROTOCOL = 'chat.mixweb.1';
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** What the server tells. */
export type ChatNews =
  | { kind: 'said'; id: number; from: string; text: string; own: boolean }
  | { kind: 'people'; count: number };

export interface ChatListener {
  said(message: Extract<ChatNews, { kind: 'said' }>): void;
  people(count: number): void;
  /** The socket is gone; another one is being opened. */
  lost(): void;
}

/** Undefined for anything that is not news: servers are not trusted. */
function readNews(text: unknown): ChatNews | undefined {
  if (typeof text !== 'string') return undefined;
  let news: unknown;
  try {
    news = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { kind, id, from, text: said, own, count } = (news ?? {}) as Record<string, unknown>;
  if (kind === 'people' && typeof count === 'number') return { kind, count };
  if (kind !== 'said' || typeof id !== 'number') return undefined;
  if (typeof from !== 'string' || typeof said !== 'string') return undefined;
  return { kind, id, from, text: said, own: own === true };
}

export class Chat {
  readonly #url: string;
  readonly #name: string;
  readonly #listener: ChatListener;
  #socket: MixWebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = FIRST_PAUSE_MS;
  #lastId = 0;
  #left = false;

  constructor(url: string, name: string, listener: ChatListener) {
    this.#url = url;
    this.#name = name;
    this.#listener = listener;
  }

  /** Resolves when the server has answered for the first time. */
  async join(): Promise<void> {
    await this.#open().ready;
  }

  /** Rejects when the message cannot leave; it may be said again then. */
  async say(text: string): Promise<void> {
    if (this.#socket?.readyState !== MixWebSocket.OPEN) throw new Error('not connected now');
    await this.#socket.send(JSON.stringify({ kind: 'say', text }));
  }

  /** Resolves when the server knows, or cannot be told. */
  async leave(): Promise<void> {
    this.#left = true;
    clearTimeout(this.#timer);
    await this.#socket?.close();
  }

  #open(): MixWebSocket {
    const socket = new MixWebSocket(this.#url, SUB_PROTOCOL);
    this.#socket = socket;
    let wasOpen = false;
    socket.onopen = (): void => {
      wasOpen = true;
      this.#pause = FIRST_PAUSE_MS;
      void socket.send(JSON.stringify({ kind: 'join', name: this.#name, after: this.#lastId }));
    };
    socket.onmessage = ({ data }): void => this.#hear(readNews(data));
    socket.onclose = (): void => {
      // Whoever never got in is told by `join`.
      if (this.#left || (!wasOpen && this.#lastId === 0)) return;
      this.#listener.lost();
      this.#timer = setTimeout(() => void this.#open(), this.#pause);
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    };
    return socket;
  }

  #hear(news: ChatNews | undefined): void {
    if (news?.kind === 'people') this.#listener.people(news.count);
    if (news?.kind !== 'said' || news.id <= this.#lastId) return;
    this.#lastId = news.id;
    this.#listener.said(news);
  }
}
