// What comes from the engine, as a stream: the engine is told what the reader has taken, so that
// it can hold the peer back. News that come after a cancel are no mistake: they were on their way.

export class Incoming<T> {
  readonly readable: ReadableStream<T>;
  readonly #taken: (chunk: T) => void;
  #controller!: ReadableStreamDefaultController<T>;
  #isOver = false;

  /** `taken` is told each chunk once; `cancelled`, that the reader wants no more. */
  constructor(taken: (chunk: T) => void, cancelled: () => void) {
    this.#taken = taken;
    const source = new ReadableStream<T>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => {
        this.#isOver = true;
        cancelled();
      },
    });
    this.readable = source.pipeThrough(
      new TransformStream<T, T>(
        {
          transform(chunk, controller) {
            controller.enqueue(chunk);
            taken(chunk);
          },
        },
        undefined,
        { highWaterMark: 0 },
      ),
    );
  }

  add(chunk: T): void {
    if (this.#isOver) this.#taken(chunk);
    else this.#controller.enqueue(chunk);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.close();
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.error(error);
  }
}
