// MixWebSocket: the DOM's WebSocket and the reference's in one. spec: api part 1 §4, part 2 §5
import { MixError, sharedTunnel, type Channel, type ChannelNews } from '@mixweb/mix-tunnel';

import { closeEvent, errorEvent } from './events.ts';
import { checkClose, readArguments, type MixWebSocketInit } from './options.ts';

export type MixWebSocketReadyState = 0 | 1 | 2 | 3;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
const ABNORMAL = 1006;
const PING_SIZE = 8;

type SendData = string | ArrayBufferLike | ArrayBufferView | Blob;
type Handler<E extends Event> = ((this: WebSocket, event: E) => unknown) | null;

interface Settled<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** A promise whose rejection nobody has to hear. */
function settled<T>(): Settled<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A copy of the bytes as they are now, in a buffer of their own. */
function copyOf(data: ArrayBufferLike | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return new Uint8Array(view);
}

const isBytes = (data: unknown): data is ArrayBufferLike | ArrayBufferView =>
  ArrayBuffer.isView(data) ||
  data instanceof ArrayBuffer ||
  (typeof SharedArrayBuffer === 'function' && data instanceof SharedArrayBuffer);

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- typed listeners only
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
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- typed listeners only
export class MixWebSocket extends EventTarget {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;
  readonly CONNECTING = CONNECTING;
  readonly OPEN = OPEN;
  readonly CLOSING = CLOSING;
  readonly CLOSED = CLOSED;

  readonly url: string;
  /** The sub-protocols that were asked for. */
  readonly protocols: string[];
  readonly #ready = settled<{ protocol: string; extensions: string }>();
  readonly #closed = settled<{ code: number; reason: string; wasClean: boolean }>();
  readonly #handlers = new Map<string, Handler<Event>>();
  readonly #unsent: { size: number; done: Settled<undefined> }[] = [];
  readonly #pings: { data: Uint8Array; at: number; answer: Settled<number> }[] = [];
  #channel: Channel | undefined;
  #state: MixWebSocketReadyState = CONNECTING;
  #protocol = '';
  #extensions = '';
  #binaryType: BinaryType = 'arraybuffer';
  #bufferedAmount = 0;
  /** What must be sent before the next message: a Blob that is still being read. */
  #reading: Promise<void> | undefined;
  #stopHearingAbort: () => void = () => undefined;

  /** Throws SyntaxError (a DOMException) for a bad URL or sub-protocol. */
  constructor(url: string | URL, protocols?: string | string[] | MixWebSocketInit) {
    super();
    const { href, request, signal } = readArguments(url, protocols);
    this.url = href;
    this.protocols = request.protocols;
    try {
      this.#channel = sharedTunnel().openChannel(request, (news) => this.#hear(news));
    } catch (error) {
      setTimeout(() => this.#fail(error), 0);
    }
    if (signal) this.#heed(signal);
  }

  get readyState(): MixWebSocketReadyState {
    return this.#state;
  }
  /** Bytes given to `send` that have not reached the TCP buffer. */
  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }
  /** The sub-protocol agreed on. */
  get protocol(): string {
    return this.#protocol;
  }
  get extensions(): string {
    return this.#extensions;
  }
  /** What binary messages come as. Default `arraybuffer`, unlike the DOM's. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }
  set binaryType(type: BinaryType) {
    if (type === 'arraybuffer' || type === 'blob') this.#binaryType = type;
  }
  /** Rejects when the socket fails. */
  get ready(): Promise<{ protocol: string; extensions: string }> {
    return this.#ready.promise;
  }
  get closed(): Promise<{ code: number; reason: string; wasClean: boolean }> {
    return this.#closed.promise;
  }

  get onopen(): Handler<Event> {
    return this.#handler('open');
  }
  set onopen(handler: Handler<Event>) {
    this.#setHandler('open', handler);
  }
  get onmessage(): Handler<MessageEvent> {
    return this.#handler('message');
  }
  set onmessage(handler: Handler<MessageEvent>) {
    this.#setHandler('message', handler);
  }
  get onclose(): Handler<CloseEvent> {
    return this.#handler('close');
  }
  set onclose(handler: Handler<CloseEvent>) {
    this.#setHandler('close', handler);
  }
  get onerror(): Handler<Event> {
    return this.#handler('error');
  }
  set onerror(handler: Handler<Event>) {
    this.#setHandler('error', handler);
  }

  /** Resolves once the socket is open, or has failed. */
  opened(): Promise<void> {
    return this.#ready.promise.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Resolves when the bytes are in the TCP buffer. Nobody has to wait for it. */
  send(data: SendData): Promise<void> {
    if (this.#state === CONNECTING) return Promise.reject(this.#notOpen());
    let message: { kind: 'text' | 'binary'; data: Uint8Array<ArrayBuffer> } | Blob;
    if (typeof data === 'string') {
      message = { kind: 'text', data: new TextEncoder().encode(data) };
    } else if (isBytes(data)) {
      message = { kind: 'binary', data: copyOf(data) };
    } else if (data instanceof Blob) {
      message = data;
    } else {
      return Promise.reject(
        new TypeError('unsupported data type (expected string, Uint8Array, or ArrayBuffer)'),
      );
    }
    const size = message instanceof Blob ? message.size : message.data.byteLength;
    this.#bufferedAmount += size;
    const done = settled<undefined>();
    if (this.#state !== OPEN) {
      done.reject(this.#notOpen());
      return done.promise;
    }
    this.#unsent.push({ size, done });
    if (message instanceof Blob || this.#reading) this.#sendLater(message);
    else this.#channel?.command(message, [message.data.buffer]);
    return done.promise;
  }

  /** Resolves once the socket is closed. Default code 1000. A second call changes nothing. */
  close(code = 1000, reason = ''): Promise<void> {
    const end = checkClose(code, reason);
    if (this.#state === CONNECTING) {
      const message = 'WebSocket error: closed before the connection was open';
      this.#state = CLOSING;
      this.#channel?.cancel();
      setTimeout(() => this.#fail(new MixError('SOCKET_CLOSED', message)), 0);
    } else if (this.#state === OPEN) {
      this.#state = CLOSING;
      const command = { kind: 'wsClose', ...end } as const;
      if (this.#reading) void this.#reading.then(() => this.#channel?.command(command));
      else this.#channel?.command(command);
    }
    return this.#closed.promise.then(() => undefined);
  }

  /** Round trip, ms. Rejects when the socket ends first. */
  ping(data?: Uint8Array): Promise<number> {
    if (this.#state !== OPEN) return Promise.reject(this.#notOpen('ping'));
    const payload = data ? copyOf(data) : crypto.getRandomValues(new Uint8Array(PING_SIZE));
    if (payload.byteLength > 125) return Promise.reject(new RangeError('ping: at most 125 bytes'));
    const answer = settled<number>();
    this.#pings.push({ data: payload, at: performance.now(), answer });
    this.#channel?.command({ kind: 'ping', data: payload });
    return answer.promise;
  }

  #handler<E extends Event>(type: string): Handler<E> {
    return (this.#handlers.get(type) ?? null) as Handler<E>;
  }

  /** As the DOM's handler attributes: the place among the listeners is that of the first setting. */
  #setHandler<E extends Event>(type: string, handler: Handler<E>): void {
    if (!this.#handlers.has(type)) {
      this.addEventListener(type, (event) => {
        this.#handlers.get(type)?.call(this as unknown as WebSocket, event);
      });
    }
    this.#handlers.set(type, typeof handler === 'function' ? (handler as Handler<Event>) : null);
  }

  #notOpen(what = 'send'): DOMException {
    return new DOMException(
      `MixWebSocket.${what}: state is ${this.#state}, expected OPEN`,
      'InvalidStateError',
    );
  }

  /** Keeps the order of messages although a Blob has to be read first. */
  #sendLater(message: Blob | { kind: 'text' | 'binary'; data: Uint8Array<ArrayBuffer> }): void {
    const before = this.#reading ?? Promise.resolve();
    const step = before
      .then(async () => {
        const ready =
          message instanceof Blob
            ? ({ kind: 'binary', data: new Uint8Array(await message.arrayBuffer()) } as const)
            : message;
        this.#channel?.command(ready, [ready.data.buffer]);
      })
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        if (this.#reading === step) this.#reading = undefined;
      });
    this.#reading = step;
  }

  #heed(signal: AbortSignal): void {
    const onAbort = (): void => {
      this.#channel?.cancel();
      setTimeout(() => this.#fail(signal.reason), 0);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    this.#stopHearingAbort = (): void => signal.removeEventListener('abort', onAbort);
  }

  #hear(news: ChannelNews): void {
    if (this.#state === CLOSED) return;
    switch (news.kind) {
      case 'wsOpen':
        if (this.#state !== CONNECTING) return;
        this.#state = OPEN;
        this.#protocol = news.protocol;
        this.#extensions = news.extensions;
        this.#ready.resolve({ protocol: news.protocol, extensions: news.extensions });
        this.dispatchEvent(new Event('open'));
        break;
      case 'text':
        this.#channel?.command({ kind: 'consumed', size: news.size });
        this.#deliver(news.data);
        break;
      case 'binary': {
        const { buffer } = news.data;
        this.#channel?.command({ kind: 'consumed', size: news.data.byteLength });
        this.#deliver(this.#binaryType === 'blob' ? new Blob([buffer]) : buffer);
        break;
      }
      case 'sent': {
        const message = this.#unsent.shift();
        this.#bufferedAmount -= news.size;
        message?.done.resolve(undefined);
        break;
      }
      case 'pong':
        this.#answered(news.data);
        break;
      case 'wsClose':
        this.#end(news, news.error && MixError.from(news.error));
        break;
      case 'refused':
        // As the DOM: a socket whose buffer is full is lost.
        this.#channel?.cancel();
        this.#fail(MixError.from(news.error));
        break;
      case 'failed':
        this.#fail(MixError.from(news.error));
        break;
      default:
        break;
    }
  }

  #deliver(data: string | ArrayBuffer | Blob): void {
    if (this.#state !== OPEN) return;
    const { protocol, host } = new URL(this.url);
    this.dispatchEvent(new MessageEvent('message', { data, origin: `${protocol}//${host}` }));
  }

  #answered(data: Uint8Array): void {
    const isIt = (ping: { data: Uint8Array }): boolean =>
      ping.data.length === data.length && ping.data.every((byte, i) => byte === data[i]);
    const index = this.#pings.findIndex(isIt);
    if (index < 0) return; // the engine's own
    const [ping] = this.#pings.splice(index, 1);
    if (ping) ping.answer.resolve(performance.now() - ping.at);
  }

  #fail(error: unknown): void {
    this.#end({ code: ABNORMAL, reason: '', wasClean: false }, error ?? new Error('aborted'));
  }

  /** Tells the end, once: error when it failed, then close. */
  #end(detail: { code: number; reason: string; wasClean: boolean }, error: unknown): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#stopHearingAbort();
    const { code, reason, wasClean } = detail;
    const why =
      error ?? new MixError('SOCKET_CLOSED', 'WebSocket error: the connection was closed');
    this.#ready.reject(why);
    for (const { done } of this.#unsent) done.reject(why);
    for (const { answer } of this.#pings) answer.reject(why);
    this.#unsent.length = 0;
    this.#pings.length = 0;
    if (error !== undefined) {
      const message = error instanceof Error ? error.message : String(error);
      this.dispatchEvent(errorEvent(message, error));
    }
    this.dispatchEvent(closeEvent({ code, reason, wasClean }));
    this.#closed.resolve({ code, reason, wasClean });
  }
}
