// Feeds a streamed request body to the engine: as many bytes as it asked for, no more, so that the
// server's pace reaches the stream's source.
import { MixError, type FetchChannel } from '@mixweb/mix-tunnel';

import type { BodySource } from './body.ts';

export class Upload {
  readonly #source: BodySource;
  readonly #channel: () => FetchChannel;
  readonly #fail: (error: unknown) => void;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #attempt = 0;
  #credit = 0;
  #sent = 0; // bytes of this attempt
  #rest = new Uint8Array(); // read and not yet asked for
  #ended = false;
  #pumping = false;

  constructor(source: BodySource, channel: () => FetchChannel, fail: (error: unknown) => void) {
    this.#source = source;
    this.#channel = channel;
    this.#fail = fail;
  }

  wanted(attempt: number, bytes: number): void {
    if (attempt !== this.#attempt) this.#restart(attempt);
    this.#credit += bytes;
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pump()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => (this.#pumping = false));
  }

  /** Nobody wants the rest. */
  stop(reason?: unknown): void {
    this.#ended = true;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader) reader.cancel(reason).catch(() => undefined);
    else if (this.#attempt === 0) this.#cancelUnopened(reason);
  }

  #cancelUnopened(reason: unknown): void {
    if (this.#source.replayable) return;
    const stream = this.#source.open();
    if (!stream.locked) stream.cancel(reason).catch(() => undefined);
  }

  #restart(attempt: number): void {
    const begun = this.#sent > 0 || this.#ended;
    if (this.#attempt > 0 && begun && !this.#source.replayable) {
      this.#fail(
        new MixError('BAD_BODY', 'HTTP error: a stream as body cannot be sent again', {
          phase: 'request',
        }),
      );
      return;
    }
    this.#attempt = attempt;
    this.#credit = 0;
    if (!this.#source.replayable) return;
    this.#reader?.cancel().catch(() => undefined);
    this.#reader = undefined;
    this.#rest = new Uint8Array();
    this.#sent = 0;
    this.#ended = false;
  }

  async #pump(): Promise<void> {
    while (this.#credit > 0 && !this.#ended) {
      const attempt = this.#attempt;
      this.#reader ??= this.#source.open().getReader();
      if (this.#rest.byteLength === 0) {
        const { done, value } = await this.#reader.read();
        if (attempt !== this.#attempt && this.#source.replayable) continue; // begun anew meanwhile
        if (this.#ended) return;
        if (done) {
          this.#ended = true;
          this.#channel().send({ kind: 'bodyEnd', attempt: this.#attempt });
          return;
        }
        if (!(value instanceof Uint8Array)) {
          throw new TypeError('a body stream must give Uint8Array chunks');
        }
        this.#rest = value as Uint8Array<ArrayBuffer>;
      }
      const bytes = this.#rest.slice(0, this.#credit);
      this.#rest = this.#rest.subarray(bytes.byteLength);
      if (bytes.byteLength === 0) continue; // an empty chunk
      this.#credit -= bytes.byteLength;
      this.#sent += bytes.byteLength;
      this.#channel().send({ kind: 'body', attempt: this.#attempt, bytes }, [bytes.buffer]);
    }
  }
}
