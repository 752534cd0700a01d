// A DOM Response from the engine's answer: url, redirected and all header fields kept, body as a
// stream whose reader governs how fast the server may send.
import type { FetchMessage } from '@mixweb/mix-tunnel';

/** These must not have a body object, even an empty one (Fetch, "null body status"). */
const NULL_BODY_STATUS = new Set([101, 103, 204, 205, 304]);

/** The constructor takes none above, servers send them nevertheless. */
const MAX_STATUS = 599;

export type Head = Extract<FetchMessage, { kind: 'head' }>;

export function hasNullBody(status: number, method: string): boolean {
  return NULL_BODY_STATUS.has(status) || method === 'HEAD';
}

/** A reason phrase that the Response constructor accepts (RFC 9112 §4: HTAB, SP, VCHAR, obs-text). */
function reasonPhrase(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, '');
}

/** Those of a response cannot be changed (Fetch, guard "immutable"). */
function immutable(headers: Headers): Headers {
  const refuse = {
    value: (): never => {
      throw new TypeError('the headers of a response cannot be changed');
    },
  };
  return Object.defineProperties(headers, { append: refuse, delete: refuse, set: refuse });
}

const hasOddStatus = ({ status }: Head): boolean => status > MAX_STATUS;

/** Puts what the constructor cannot take onto the object, and onto its clones. */
function decorate(response: Response, head: Head, headers: Headers): Response {
  const clone = response.clone.bind(response);
  if (hasOddStatus(head)) {
    Object.defineProperties(response, { status: { value: head.status }, ok: { value: false } });
  }
  return Object.defineProperties(response, {
    url: { value: head.url.replace(/#.*$/, '') },
    redirected: { value: head.redirected },
    type: { value: 'basic' },
    // A Response's own Headers drop Set-Cookie; a plain Headers keeps every field.
    headers: { value: immutable(headers) },
    clone: { value: () => decorate(clone(), head, new Headers(headers)) },
  });
}

/** Fields that no Headers takes are left out rather than fail the rest. */
function headersOf(head: Head): Headers {
  const headers = new Headers();
  for (const [name, value] of head.headers) {
    try {
      headers.append(name, value);
    } catch {
      // A value with a byte that RFC 9110 §5.5 forbids.
    }
  }
  return headers;
}

export function buildResponse(
  head: Head,
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
): Response {
  const headers = headersOf(head);
  // The type of a blob() comes from the constructor's own headers.
  const type = headers.get('content-type');
  const response = new Response(body, {
    status: hasOddStatus(head) ? MAX_STATUS : head.status,
    statusText: reasonPhrase(head.reason),
    headers: type === null ? {} : { 'content-type': type },
  });
  return decorate(response, head, headers);
}

/** Bytes of the body as the reader will see it; undefined when nobody knows. */
export function bodySize(head: Head): number | undefined {
  const field = (wanted: string): string | undefined =>
    head.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const length = field('content-length');
  if (length === undefined || !/^\d+$/.test(length)) return undefined;
  return field('content-encoding') === undefined ? Number(length) : undefined;
}
