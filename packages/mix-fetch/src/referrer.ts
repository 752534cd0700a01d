// The Referer of a request whose caller names a referrer; there is none by default, and an engine
// that is redirected to another origin keeps no more than the origin. W3C Referrer Policy §8.

/** A longer one is cut to its origin. spec: Referrer Policy §8.3 step 6 */
const MAX_LENGTH = 4096;

const originOf = (url: URL): string => `${url.origin}/`;

function stripped(url: URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  copy.hash = '';
  return copy.href.length > MAX_LENGTH ? originOf(url) : copy.href;
}

/**
 * Value of Referer, if any is to be sent.
 *
 * @throws TypeError for a referrer that is no URL
 */
export function refererFor(
  referrer: string | undefined,
  policy: ReferrerPolicy | undefined,
  target: string,
  base: string | URL | undefined,
): string | undefined {
  if (referrer === undefined || referrer === '') return undefined;
  const from = new URL(referrer, base);
  if (from.protocol !== 'http:' && from.protocol !== 'https:') return undefined; // about:client
  const to = new URL(target);
  const same = from.origin === to.origin;
  const downgrade = from.protocol === 'https:' && to.protocol === 'http:';
  switch (policy) {
    case 'no-referrer':
      return undefined;
    case 'origin':
      return originOf(from);
    case 'unsafe-url':
      return stripped(from);
    case 'same-origin':
      return same ? stripped(from) : undefined;
    case 'origin-when-cross-origin':
      return same ? stripped(from) : originOf(from);
    case 'strict-origin':
      return downgrade ? undefined : originOf(from);
    case 'no-referrer-when-downgrade':
      return downgrade ? undefined : stripped(from);
    default: // 'strict-origin-when-cross-origin'
      if (same) return stripped(from);
      return downgrade ? undefined : originOf(from);
  }
}
