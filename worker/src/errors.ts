// Failures that arise in TypeScript, as the plain fields that cross to the page.
import type { ErrorFields } from './protocol.ts';

/** Builds error fields; `code` is a MixErrorCode of mix-tunnel. */
export function errorFields(
  code: string,
  message: string,
  extra: Omit<ErrorFields, 'code' | 'message'> = {},
): ErrorFields {
  return { code, message, ...extra };
}
