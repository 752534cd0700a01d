// curl's exit codes.

/** Where there is one for a code of ours. */
export const EXIT_CODES = {
  BAD_URL: 3,
  BAD_SCHEME: 1,
  BODY_TIMEOUT: 28,
  BODY_TOO_LARGE: 63,
  CONNECT_REFUSED: 7,
  CONNECT_TIMEOUT: 28,
  CONNECTION_RESET: 56,
  DECODE: 61,
  DNS_NOT_FOUND: 6,
  DNS_SERVFAIL: 6,
  DNS_TIMEOUT: 6,
  HEADERS_TIMEOUT: 28,
  HTTP_PARSE: 8,
  HTTP_TRUNCATED: 18,
  REDIRECT: 47,
  TLS_CERTIFICATE: 60,
  TLS_HANDSHAKE: 35,
  // The tunnel is what a proxy is to curl.
  EXIT_DENIED: 97,
  EXIT_TIMEOUT: 97,
  GATEWAY_AUTH: 97,
  GATEWAY_UNREACHABLE: 97,
  NO_EXIT: 97,
  SETUP_FAILED: 97,
  EXIT_LOST: 56,
  GATEWAY_LOST: 56,
};
export const EXIT_USAGE = 2;
export const EXIT_HTTP_STATUS = 22;
export const EXIT_WRITE = 23;
export const EXIT_READ = 26;
export const EXIT_ROOTS = 77;

/** What ends the program with a code of its own. */
export class Failure extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const exitCodeOf = (error) => error.exitCode ?? EXIT_CODES[error.code] ?? 1;
