// GETs of the directory: one by one as the engine asks, and those of a set-up ahead of the engine,
// while its module is still being unpacked. What they carry is the engine's affair.

/** Undefined: no answer will come. */
export type DirectoryAnswer = { status: number; body: Uint8Array } | undefined;
type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** An answer larger than this is refused, like one that never came. */
const MAX_ANSWER = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** Never rejects: unreachable, refused by CORS, too slow are all the same to the engine. */
export async function callDirectory(
  fetch: Fetch,
  url: string,
  signal: AbortSignal,
): Promise<DirectoryAnswer> {
  try {
    const response = await fetch(url, {
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    return body.byteLength <= MAX_ANSWER ? { status: response.status, body } : undefined;
  } catch {
    return undefined;
  }
}

/** Calls under way before anybody asked for them; each is handed out once. */
export class EarlyCalls {
  readonly #answers = new Map<string, Promise<DirectoryAnswer>>();
  readonly #end = new AbortController();

  /** `paths` below the directory's base URL. */
  constructor(fetch: Fetch, baseUrl: string, paths: readonly string[]) {
    const base = baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`;
    for (const path of paths) {
      const url = base + path;
      this.#answers.set(url, callDirectory(fetch, url, this.#end.signal));
    }
  }

  /** Undefined: no such call was begun, or it has been taken. */
  take(url: string): Promise<DirectoryAnswer> | undefined {
    const answer = this.#answers.get(url);
    this.#answers.delete(url);
    return answer;
  }

  /** Ends what nobody took; what was taken with it, if it is not there yet. */
  drop(): void {
    this.#answers.clear();
    this.#end.abort();
  }
}
