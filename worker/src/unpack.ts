// The inlined module as text: base64 of what `xz` packed. Unpacked here and not in the page, whose
// thread has better things to do. ADR 0014.
import { XzReadableStream } from 'xz-decompress';

import { fromBase64 } from './inlined.ts';

/** What the unpacker takes at a time. */
const CHUNK = 64 * 1024;

/** The module's bytes. Rejects when `text` was damaged. */
export function unpackModule(text: string): Promise<ArrayBuffer> {
  const bytes = fromBase64(text);
  let at = 0;
  // Not a Blob's stream: WebKit refuses to read Blobs in the worker of a `file:` page.
  const packed = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes.slice(at, (at += CHUNK)));
      if (at >= bytes.byteLength) controller.close();
    },
  });
  return new Response(new XzReadableStream(packed)).arrayBuffer();
}
