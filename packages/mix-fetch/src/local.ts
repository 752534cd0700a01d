// URLs that lead nowhere: data: and blob: are answered within the page by the platform's own fetch,
// and no packet leaves for them. WHATWG Fetch §4.2 "scheme fetch".
import { isRequest } from './foreign.ts';

// Taken before anybody, `installGlobalFetch` above all, puts another in its place.
const platformFetch: typeof fetch | undefined = globalThis.fetch;

function isLocal(url: string): boolean {
  if (!/^[\0-\x20]*(data|blob):/i.test(url)) return false;
  const { protocol } = new URL(url);
  return protocol === 'data:' || protocol === 'blob:';
}

/** The answer for a local URL; undefined for every other. */
export function localAnswer(
  input: string | URL | Request,
  init: RequestInit,
): Promise<Response> | undefined {
  const url = isRequest(input) ? input.url : String(input);
  if (platformFetch === undefined || !isLocal(url)) return undefined;
  return platformFetch.call(globalThis, isRequest(input) ? input : url, init);
}
