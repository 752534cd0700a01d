// A ready cookie jar: RFC 6265bis with the public suffix list, in memory. An entry of its own, so
// that pages without cookies do not load it.
import { CookieJar as ToughJar } from 'tough-cookie';

import type { ToughCookieJar } from '@mixweb/mix-tunnel';

/** An empty jar that lives in memory and refuses cookies for public suffixes. */
export function createCookieJar(): ToughCookieJar {
  return new ToughJar(undefined, { rejectPublicSuffixes: true });
}
