// Request bodies: bytes at once where they are at hand, else a source that is read as the server
// takes it. The platform's own Response does the extracting, so that it agrees with WHATWG Fetch.
import { MixError } from '@mixweb/mix-tunnel';

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

/** Blobs above this are streamed instead of copied, bytes. */
const LARGE_BLOB = 256 * 1024;

function fromStream(stream: ReadableStream<Uint8Array>): ExtractedBody {
  if (stream.locked) throw new TypeError('the body stream is locked or was read from');
  return { source: { open: () => stream, replayable: false }, contentType: null };
}

function isAsyncIterable(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** Reads an async iterable as undici does. */
function streamOf(iterable: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = iterable[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        await iterator.return?.(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Rejects with TypeError, or MixError BAD_BODY for what is no body at all. */
export async function extractBody(
  body: BodyInit | AsyncIterable<Uint8Array>,
  duplex: string | undefined,
): Promise<ExtractedBody> {
  const isStream = body instanceof ReadableStream;
  if (isStream || (isAsyncIterable(body) && !(body instanceof Blob))) {
    if (duplex !== 'half') {
      throw new TypeError("a request with a stream as body needs the option duplex: 'half'");
    }
    return fromStream(isStream ? body : streamOf(body));
  }
  if (body instanceof Blob && body.size > LARGE_BLOB) {
    const source: BodySource = { open: () => body.stream(), length: body.size, replayable: true };
    return { source, contentType: body.type === '' ? null : body.type };
  }
  let carrier: Response;
  try {
    carrier = new Response(body);
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
