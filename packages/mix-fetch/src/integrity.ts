// Subresource integrity: the body counts only if it has one of the stated hashes. W3C SRI §3.3.
import { MixError } from '@mixweb/mix-tunnel';

export interface Integrity {
  algorithm: 'SHA-256' | 'SHA-384' | 'SHA-512';
  /** base64 without padding, any of them will do. */
  digests: string[];
}

const ALGORITHMS = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;

/** Either alphabet, with or without padding. */
const comparable = (base64: string): string =>
  base64.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '');

/** The strongest hashes of an integrity attribute; undefined when it has none that are known. */
export function readIntegrity(text: string): Integrity | undefined {
  const found = text
    .split(/[\t\n\f\r ]+/)
    .map((item) => /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/i.exec(item))
    .filter((match) => match !== null)
    .map(([, name, digest]) => ({
      name: String(name).toLowerCase() as keyof typeof ALGORITHMS,
      digest: comparable(String(digest)),
    }));
  const strongest = found
    .map(({ name }) => name)
    .sort()
    .at(-1);
  if (strongest === undefined) return undefined;
  if (globalThis.crypto?.subtle === undefined) {
    throw new MixError('BAD_OPTION', 'HTTP error: integrity needs a secure context', {
      phase: 'request',
      retryable: true,
    });
  }
  const digests = found.filter(({ name }) => name === strongest).map(({ digest }) => digest);
  return { algorithm: ALGORITHMS[strongest], digests };
}

/** The same response with its body read and checked. Rejects with MixError DECODE. */
export async function verified(
  body: ReadableStream<Uint8Array> | null,
  integrity: Integrity,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await new Response(body as BodyInit | null).arrayBuffer());
  const hash = new Uint8Array(await crypto.subtle.digest(integrity.algorithm, bytes));
  const digest = comparable(btoa(String.fromCharCode(...hash)));
  if (!integrity.digests.includes(digest)) {
    throw new MixError('DECODE', 'HTTP error: the body does not have the hash that was asked for', {
      phase: 'response',
    });
  }
  return bytes;
}
