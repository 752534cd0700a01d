// The SDK's frame around an application's payload: size of the metadata (8 bytes, big-endian),
// metadata (JSON: mimeType, headers), payload. An affair of applications; the mixnet sees bytes.

const SIZE_BYTES = 8;

export interface Envelope {
  mimeType: string;
  headers?: string;
  payload: Uint8Array;
}

export function encodeEnvelope({ mimeType, headers, payload }: Envelope): Uint8Array {
  const metadata = new TextEncoder().encode(JSON.stringify({ mimeType, headers: headers ?? null }));
  const out = new Uint8Array(SIZE_BYTES + metadata.length + payload.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(metadata.length));
  out.set(metadata, SIZE_BYTES);
  out.set(payload, SIZE_BYTES + metadata.length);
  return out;
}

/** Undefined when the bytes are no envelope, such as those of `rawSend`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length < SIZE_BYTES) return undefined;
  const size = new DataView(bytes.buffer, bytes.byteOffset, SIZE_BYTES).getBigUint64(0);
  if (size > BigInt(bytes.length - SIZE_BYTES)) return undefined;
  const end = SIZE_BYTES + Number(size);
  let metadata: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(SIZE_BYTES, end));
    metadata = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const { mimeType, headers } = metadata as { mimeType?: unknown; headers?: unknown };
  if (typeof mimeType !== 'string') return undefined;
  return {
    mimeType,
    ...(typeof headers === 'string' ? { headers } : {}),
    payload: bytes.slice(end),
  };
}
