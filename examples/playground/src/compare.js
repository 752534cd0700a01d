// The same URL through the mixnet and over the clear network.
import { mixFetch } from '@mixweb/mix-fetch';

/**
 * @param {{ url: string, direct: string }} config the demo's names exist only inside its little
 *   internet; its server also answers directly
 */
export function bothWays(config) {
  return {
    mix: { doFetch: mixFetch, address: (url) => url, fallback: 'the exit’s address' },
    clear: {
      doFetch: (url, init) => fetch(url, init),
      address: (url) => {
        const { origin, pathname, search } = new URL(url);
        const ours = origin === new URL(config.url).origin;
        return ours ? new URL(config.direct).origin + pathname + search : url;
      },
      fallback: 'your own address',
    },
  };
}

/** Which address the server says it saw; the demo's does. */
export const seenFrom = (response, fallback) => response.headers.get('x-seen-from') ?? fallback;
