// Request bodies: bytes at once where they are at hand, else a source that is read as the server
// takes it. The platform's own Response does the extracting, so that it agrees with WHATWG Fetch.
import { MixError } from '@mixweb/mix-tunnel';

import { onceAborted } from './abort.ts';
import { ownBody } from './foreign.ts';
import { isNodeStream, nodeStreamType, streamOfOldStream } from './node-stream.ts';

/** A body that is streamed. */
export interface BodySource {
  open(): ReadableStream<Uint8Array>;
  /** Bytes; absent when only its end tells. */
  length?: number;
  /** `open` may be called again. */
  replayable: boolean;
}

export interface ExtractedBody {
  bytes?: Uint8Array<ArrayBuffer>;
  source?: BodySource;
  /** The Content-Type that it implies. */
  contentType: string | null;
}

/** Larger bodies are streamed instead of copied, bytes. */
const LARGE = 256 * 1024;

function fromStream(stream: ReadableStream<Uint8Array>): ExtractedBody & { source: BodySource } {
  new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>); // TypeError: locked, or read from
  return { source: { open: () => stream, replayable: false }, contentType: null };
}

function isAsyncIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** Chunks of an iterable may be text or any view, as undici takes them. */
function bytesOf(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return new TextEncoder().encode(chunk);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  throw new TypeError('a body must give text or bytes');
}

function streamOf(iterable: AsyncIterable<unknown>): ReadableStream<Uint8Array> {
  const iterator = iterable[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(bytesOf(value));
      },
      async cancel(reason) {
        // The iterator of a stream of Node would wait for what it is reading.
        if (isNodeStream(iterable)) iterable.destroy?.();
        await iterator.return?.(reason);
      },
    },
    // A stream of Node may fail at any time, which crashes a program where nobody listens yet.
    { highWaterMark: isNodeStream(iterable) ? 1 : 0 },
  );
}

/** Rejects with TypeError, or MixError BAD_BODY for what is no body at all. */
export async function extractBody(
  given: BodyInit | AsyncIterable<unknown>,
  duplex: string | undefined,
): Promise<ExtractedBody> {
  if (given instanceof ReadableStream) {
    if (duplex !== 'half') {
      throw new TypeError("a request with a stream as body needs the option duplex: 'half'");
    }
    return fromStream(given);
  }
  const body = await ownBody(given);
  // Streams of Node among them; no standard asks for `duplex` here.
  if (isNodeStream(body)) {
    const stream = isAsyncIterable(body) ? streamOf(body) : streamOfOldStream(body, bytesOf);
    const { contentType, length } = nodeStreamType(body);
    const { source } = fromStream(stream);
    return { source: { ...source, ...(length !== undefined && { length }) }, contentType };
  }
  if (isAsyncIterable(body) && !(body instanceof Blob)) return fromStream(streamOf(body));
  if (body instanceof Blob && body.size > LARGE) {
    const source: BodySource = { open: () => body.stream(), length: body.size, replayable: true };
    return { source, contentType: body.type === '' ? null : body.type };
  }
  let carrier: Response;
  try {
    carrier = new Response(body as BodyInit);
  } catch (cause) {
    throw new MixError(
      'BAD_BODY',
      'HTTP error: unsupported body type (expected string, Uint8Array, or ArrayBuffer)',
      { cause, phase: 'request', retryable: true },
    );
  }
  const bytes = new Uint8Array(await carrier.arrayBuffer());
  return { bytes, contentType: carrier.headers.get('content-type') };
}

const joined = async (chunks: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());

/**
 * The body of a Request, which does not tell what it was made of: bytes at once when it is short,
 * since many servers take no chunked request; a stream when it is long. Its type is in its headers.
 */
export async function bodyOfRequest(
  request: Request,
  signal: AbortSignal | undefined,
): Promise<ExtractedBody | undefined> {
  if (request.bodyUsed) throw new TypeError('the body of the Request was already read');
  if (request.body === null) return undefined;
  // Some platforms do not show the stream.
  if (!(request.body instanceof ReadableStream)) {
    return { bytes: new Uint8Array(await request.arrayBuffer()), contentType: null };
  }
  const reader = request.body.getReader();
  const onAbort = (): void => void reader.cancel(signal?.reason).catch(() => undefined);
  const stopHearing = signal && onceAborted(signal, onAbort);
  try {
    const chunks: Uint8Array[] = [];
    for (let size = 0; size <= LARGE;) {
      const { done, value } = await reader.read();
      if (done) return { bytes: await joined(chunks), contentType: null };
      chunks.push(value);
      size += value.byteLength;
    }
    const rest = async function* (): AsyncGenerator<Uint8Array> {
      yield* chunks;
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          yield next.value;
        }
      } finally {
        reader.cancel().catch(() => undefined);
      }
    };
    return fromStream(streamOf(rest()));
  } finally {
    stopHearing?.();
  }
}
