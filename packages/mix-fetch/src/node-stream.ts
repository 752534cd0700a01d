// Streams of Node as request bodies, known by their shape: those of today are async iterables, those
// of old, npm's form-data among them, only have events.

export interface NodeStream {
  on(event: string, listener: (value: unknown) => void): unknown;
  pipe(target: unknown): unknown;
  pause?(): unknown;
  resume?(): unknown;
  destroy?(): unknown;
}

/** What npm's form-data tells of itself. */
interface NpmForm {
  getBoundary(): string;
  hasKnownLength(): boolean;
  getLengthSync(): number;
}

export function isNodeStream(body: unknown): body is NodeStream {
  if (typeof body !== 'object' || body === null) return false;
  const { on, pipe } = body as Partial<NodeStream>;
  return typeof on === 'function' && typeof pipe === 'function';
}

/** Type and length in bytes of what a stream gives, where it knows them. */
export function nodeStreamType(stream: NodeStream): {
  contentType: string | null;
  length?: number;
} {
  const form = stream as NodeStream & Partial<NpmForm>;
  if (typeof form.getBoundary !== 'function') return { contentType: null };
  const contentType = `multipart/form-data;boundary=${form.getBoundary()}`;
  if (form.hasKnownLength?.() !== true || !form.getLengthSync) return { contentType };
  return { contentType, length: form.getLengthSync() };
}

/** `bytesOf` makes bytes of a chunk, or throws. */
export function streamOfOldStream(
  stream: NodeStream,
  bytesOf: (chunk: unknown) => Uint8Array,
): ReadableStream<Uint8Array> {
  let over = false;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (error: unknown): void => {
          if (over) return;
          over = true;
          controller.error(error);
        };
        stream.on('data', (chunk) => {
          if (over) return;
          try {
            controller.enqueue(bytesOf(chunk));
          } catch (error) {
            fail(error);
            stream.destroy?.();
            return;
          }
          if ((controller.desiredSize ?? 0) <= 0) stream.pause?.();
        });
        stream.on('end', () => {
          if (over) return;
          over = true;
          controller.close();
        });
        stream.on('error', fail);
        stream.pause?.();
      },
      pull: () => void stream.resume?.(),
      cancel() {
        over = true;
        stream.destroy?.();
      },
    },
    { highWaterMark: 0 },
  );
}
