// Where a redirect leads, by the platform's own URL parser: it knows IDNA and whatever else browsers
// take for an address. Bytes beyond ASCII are UTF-8 when they can be, else ISO-8859-1.
import { blockedPort } from './blocked-ports.ts';
import { latin1 } from './latin1.ts';

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}

/** The absolute URL of a Location field in an answer of `base`; undefined when none may be followed. */
export function resolveLocation(base: string, location: Uint8Array): string | undefined {
  try {
    const { href } = new URL(textOf(location), base);
    return blockedPort(href) === undefined ? href : undefined;
  } catch {
    return undefined;
  }
}
