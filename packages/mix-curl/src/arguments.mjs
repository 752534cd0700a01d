// The command line: curl's flags where there is one, and what they ask for.
import { parseArgs } from 'node:util';

import { TUNNEL_FLAGS, TUNNEL_USAGE } from './tunnel-flags.mjs';

export const USAGE = `usage: mix-curl [options] URL

  -X, --request METHOD     method (default GET; HEAD with -I, POST with -d or --json, PUT with -T)
  -H, --header 'N: V'      request header; may be repeated
  -A, --user-agent TEXT    the User-Agent header (default: the one of all users of the tunnel)
  -e, --referer URL        the Referer header
  -b, --cookie 'N=V; ...'  the Cookie header
  -r, --range FROM-TO      bytes FROM to TO only
  -u, --user NAME:PASS     basic authentication
  -d, --data TEXT          request body, @FILE reads it from a file (@- from stdin); joined by &
      --data-raw TEXT      the same, but @ means nothing
      --data-binary TEXT   the same, but files as they are, with their line ends
      --data-urlencode T   the same, encoded: TEXT or NAME=TEXT
      --json TEXT          the same, with the headers of JSON
  -G, --get                put the data into the URL instead
  -T, --upload-file FILE   send a file
  -L, --location           follow redirects
      --max-redirs N       at most so many (default 50)
  -i, --include            print status line and headers before the body
  -I, --head               ask for the headers only, and print them
  -D, --dump-header FILE   write status line and headers to a file (- is stdout)
  -o, --output FILE        write the body to a file
  -O, --remote-name        write the body to a file named as the last part of the URL
  -w, --write-out FORMAT   print afterwards: %{http_code} %{size_download} %{time_total}
                           %{time_starttransfer} %{content_type} %{url_effective} %{exitcode}
  -f, --fail               fail, without a body, from status 400 on
  -s, --silent             no progress, no error messages
  -S, --show-error         error messages all the same
  -v, --verbose            tell on stderr what happens
  -m, --max-time SECONDS   limit of the whole exchange
      --compressed         asked for in any case
${TUNNEL_USAGE}  -h, --help
`;

const TEXT = { type: 'string' };
const YES = { type: 'boolean' };
const TEXTS = { type: 'string', multiple: true };
const OPTIONS = {
  request: { ...TEXT, short: 'X' },
  header: { ...TEXTS, short: 'H', default: [] },
  'user-agent': { ...TEXT, short: 'A' },
  referer: { ...TEXT, short: 'e' },
  cookie: { ...TEXT, short: 'b' },
  range: { ...TEXT, short: 'r' },
  user: { ...TEXT, short: 'u' },
  data: { ...TEXTS, short: 'd' },
  'data-raw': TEXTS,
  'data-binary': TEXTS,
  'data-urlencode': TEXTS,
  json: TEXTS,
  get: { ...YES, short: 'G' },
  'upload-file': { ...TEXT, short: 'T' },
  location: { ...YES, short: 'L' },
  'max-redirs': { ...TEXT, default: '50' },
  include: { ...YES, short: 'i' },
  head: { ...YES, short: 'I' },
  'dump-header': { ...TEXT, short: 'D' },
  output: { ...TEXT, short: 'o' },
  'remote-name': { ...YES, short: 'O' },
  'write-out': { ...TEXT, short: 'w' },
  fail: { ...YES, short: 'f' },
  silent: { ...YES, short: 's' },
  'show-error': { ...YES, short: 'S' },
  verbose: { ...YES, short: 'v' },
  'max-time': { ...TEXT, short: 'm' },
  compressed: YES,
  insecure: { ...YES, short: 'k' },
  ...TUNNEL_FLAGS,
  help: { ...YES, short: 'h' },
};

/** A command line that says nothing sensible. */
export class UsageError extends Error {}

/** The number that a flag gives, at least `least`; undefined when the flag is absent. */
function number(flags, name, least) {
  if (flags[name] === undefined) return undefined;
  const value = Number(flags[name]);
  if (!(value >= least)) throw new UsageError(`--${name} needs a number`);
  return value;
}

/**
 * @param {string[]} args
 * @throws {UsageError}
 */
export function readArguments(args) {
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, tokens: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values: flags, positionals, tokens } = parsed;
  if (flags.help) return { flags };
  if (flags.insecure) {
    throw new UsageError(
      'certificates are always checked, since any exit could take part: --cacert',
    );
  }
  const [given] = positionals;
  if (given === undefined || positionals.length > 1) {
    throw new UsageError('exactly one URL is needed');
  }
  const headers = flags.header.map((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new UsageError(`not a header: ${line}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const setDefault = (name, value) => {
    if (value === undefined || headers.some(([known]) => known.toLowerCase() === name)) return;
    headers.push([name, value]);
  };
  setDefault('user-agent', flags['user-agent']);
  setDefault('referer', flags.referer);
  setDefault('cookie', flags.cookie);
  setDefault('range', flags.range && `bytes=${flags.range}`);
  setDefault('authorization', flags.user && `Basic ${Buffer.from(flags.user).toString('base64')}`);
  return {
    flags,
    tokens,
    // As curl does: a bare host means http.
    url: /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`,
    headers,
    setDefault,
    maxTimeMs: flags['max-time'] && number(flags, 'max-time', 0.001) * 1000,
    maxRedirections: number(flags, 'max-redirs', 0),
  };
}
