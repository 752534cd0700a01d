// Messages from the mixnet on the page: shared out to listeners, kept for the first one, bounded.
import type { MessageNews } from '../../../worker/src/protocol.ts';
import { MixError } from './mix-error.ts';

const MAX_MESSAGES = 1024;
const MAX_BYTES = 16 * 1024 * 1024;

/** Messages in order of arrival; the oldest go when there are too many. */
class Backlog {
  readonly #messages: MessageNews[] = [];
  #bytes = 0;

  /** Returns how many were dropped to make room. */
  push(message: MessageNews): number {
    this.#messages.push(message);
    this.#bytes += message.data.byteLength;
    let dropped = 0;
    while (this.#messages.length > MAX_MESSAGES || this.#bytes > MAX_BYTES) {
      this.shift();
      dropped++;
    }
    return dropped;
  }

  shift(): MessageNews | undefined {
    const message = this.#messages.shift();
    if (message) this.#bytes -= message.data.byteLength;
    return message;
  }
}

type Listener = (message: MessageNews) => void;

/** One listener's failure is its own: it is reported as uncaught, the others still hear. */
function call(listener: Listener, message: MessageNews): void {
  try {
    listener(message);
  } catch (cause) {
    queueMicrotask(() => {
      throw cause;
    });
  }
}

export class Inbox {
  readonly #warn: (warning: MixError) => void;
  readonly #listeners = new Set<Listener>();
  readonly #ends = new Set<() => void>();
  readonly #early = new Backlog();

  /** `warn` hears of messages that nobody took in time. */
  constructor(warn: (warning: MixError) => void) {
    this.#warn = warn;
  }

  add(message: MessageNews): void {
    if (this.#listeners.size === 0) this.#keep(this.#early, message);
    for (const listener of [...this.#listeners]) call(listener, message);
  }

  /** The tunnel ended: iterators finish, listeners stay for the next one. */
  end(): void {
    for (const end of [...this.#ends]) end();
  }

  /** The first listener also gets, soon, what came before it. */
  listen(listener: Listener, signal?: AbortSignal): () => void {
    if (signal?.aborted) return () => undefined;
    this.#listeners.add(listener);
    const stop = (): void => {
      this.#listeners.delete(listener);
      signal?.removeEventListener('abort', stop);
    };
    signal?.addEventListener('abort', stop, { once: true });
    queueMicrotask(() => {
      while (this.#listeners.has(listener)) {
        const message = this.#early.shift();
        if (!message) return;
        call(listener, message);
      }
    });
    return stop;
  }

  /** Hears messages from now on until `signal`, the loop's end, or the tunnel's end. */
  iterate(signal?: AbortSignal): AsyncIterableIterator<MessageNews> {
    const waiting = new Backlog();
    let ended = signal?.aborted === true;
    let wake: (() => void) | undefined;
    const end = (): void => {
      ended = true;
      stop();
      this.#ends.delete(end);
      signal?.removeEventListener('abort', end);
      wake?.();
    };
    const stop = this.listen((message) => {
      this.#keep(waiting, message);
      wake?.();
    }, signal);
    if (!ended) {
      this.#ends.add(end);
      signal?.addEventListener('abort', end, { once: true });
    }
    const iterator: AsyncIterableIterator<MessageNews> = {
      next: async () => {
        for (;;) {
          const value = waiting.shift();
          if (value) return { done: false, value };
          if (ended) return { done: true, value: undefined };
          await new Promise<void>((resolve) => (wake = resolve));
        }
      },
      return: () => {
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #keep(backlog: Backlog, message: MessageNews): void {
    const dropped = backlog.push(message);
    if (dropped === 0) return;
    this.#warn(
      new MixError(
        'UNDELIVERED',
        `tunnel error: ${dropped} received message(s) dropped: nobody reads`,
      ),
    );
  }
}
