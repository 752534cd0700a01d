// The typed error of all mixweb packages. spec: api part 2 §1
import type { ErrorFields, FailurePhase } from '../../../worker/src/protocol.ts';
import type { MixErrorCode } from './generated/error-codes.ts';

const BRAND = Symbol.for('@mixweb/MixError');

/** A failure that a program can act on: switch over `code`, show `message`. */
export class MixError extends Error {
  override readonly name = 'MixError';
  /** What failed. */
  readonly code: MixErrorCode;
  /** Precise cause within the code, e.g. `tls_cert_expired`; stable. */
  readonly detail: string | undefined;
  /** How far the operation had come. */
  readonly phase: FailurePhase | undefined;
  /** True only when no byte of the request can have reached the server. */
  readonly retryable: boolean;

  constructor(
    code: MixErrorCode,
    message: string,
    extra: {
      cause?: unknown;
      detail?: string | undefined;
      phase?: FailurePhase | undefined;
      retryable?: boolean | undefined;
    } = {},
  ) {
    super(message, extra.cause === undefined ? {} : { cause: extra.cause });
    this.code = code;
    this.detail = extra.detail;
    this.phase = extra.phase;
    this.retryable = extra.retryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Recognises errors of another bundled copy of this package, too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** Rebuilds an error that crossed from the worker. */
  static from(fields: ErrorFields): MixError {
    return new MixError(fields.code as MixErrorCode, fields.message, {
      detail: fields.name,
      phase: fields.phase,
      retryable: fields.retryable,
    });
  }
}
