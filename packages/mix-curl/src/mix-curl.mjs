#!/usr/bin/env node
// mix-curl: one request through the mixnet, with curl's flags. The body goes to stdout or a file,
// the story to stderr.
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelInfo,
  onTunnelState,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';

import { TUNNEL_FLAGS, TUNNEL_USAGE, tunnelOptions } from './tunnel-flags.mjs';

const USAGE = `usage: mix-curl [options] URL

  -X, --request METHOD     method (default GET; HEAD with -I, POST with -d or --json)
  -H, --header 'N: V'      request header; may be repeated
  -A, --user-agent TEXT    the User-Agent header (default: none, as all users of the tunnel)
  -u, --user NAME:PASS     basic authentication
  -d, --data TEXT          request body, @FILE reads it from a file (@- from stdin); joined by &
      --data-binary TEXT   the same, but files as they are, with their line ends
      --json TEXT          the same, with the headers of JSON
  -L, --location           follow redirects
  -i, --include            print status line and headers before the body
  -I, --head               ask for the headers only, and print them
  -o, --output FILE        write the body to a file
  -O, --remote-name        write the body to a file named as the last part of the URL
  -f, --fail               fail, without a body, from status 400 on
  -s, --silent             no progress, no error messages
  -v, --verbose            tell on stderr what happens
  -m, --max-time SECONDS   limit of the whole exchange
${TUNNEL_USAGE}  -h, --help
`;

/** curl's exit codes, where there is one for it. */
const EXIT_CODES = {
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
};
const EXIT_HTTP_STATUS = 22;
const EXIT_WRITE = 23;
const EXIT_READ = 26;

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

function usageError(message) {
  process.stderr.write(`mix-curl: ${message}\n${USAGE}`);
  process.exit(2);
}

/** What ends the program with a code of its own. */
class Failure extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

const DATA_FLAG = { type: 'string', multiple: true };
let parsed;
try {
  parsed = parseArgs({
    allowPositionals: true,
    tokens: true,
    options: {
      request: { type: 'string', short: 'X' },
      header: { type: 'string', short: 'H', multiple: true, default: [] },
      'user-agent': { type: 'string', short: 'A' },
      user: { type: 'string', short: 'u' },
      data: { ...DATA_FLAG, short: 'd' },
      'data-binary': DATA_FLAG,
      json: DATA_FLAG,
      location: { type: 'boolean', short: 'L' },
      include: { type: 'boolean', short: 'i' },
      head: { type: 'boolean', short: 'I' },
      output: { type: 'string', short: 'o' },
      'remote-name': { type: 'boolean', short: 'O' },
      fail: { type: 'boolean', short: 'f' },
      silent: { type: 'boolean', short: 's' },
      verbose: { type: 'boolean', short: 'v' },
      'max-time': { type: 'string', short: 'm' },
      ...TUNNEL_FLAGS,
      help: { type: 'boolean', short: 'h' },
    },
  });
} catch (error) {
  usageError(error.message);
}
const { values: flags, positionals, tokens } = parsed;
if (flags.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (positionals.length !== 1) usageError('exactly one URL is needed');
// As curl does: a bare host means http.
const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(positionals[0])
  ? positionals[0]
  : `http://${positionals[0]}`;

const headers = flags.header.map((line) => {
  const colon = line.indexOf(':');
  if (colon < 1) usageError(`not a header: ${line}`);
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
});
const setDefault = (name, value) => {
  if (!headers.some(([given]) => given.toLowerCase() === name)) headers.push([name, value]);
};
const maxTime = flags['max-time'] === undefined ? undefined : Number(flags['max-time']) * 1000;
if (maxTime !== undefined && !(maxTime > 0)) usageError('--max-time needs a number of seconds');

const say = (line) => {
  if (flags.verbose) process.stderr.write(`* ${line}\n`);
};

/** The pieces of -d, --data-binary and --json in the order given; undefined when there is none. */
async function requestBody() {
  const pieces = [];
  for (const { kind, name, value } of tokens) {
    if (kind !== 'option' || !['data', 'data-binary', 'json'].includes(name)) continue;
    if (pieces.length > 0 && name !== 'json') pieces.push(Buffer.from('&'));
    if (!value.startsWith('@')) {
      pieces.push(Buffer.from(value));
      continue;
    }
    const file = value.slice(1);
    const bytes = await (file === '-' ? buffer(process.stdin) : readFile(file)).catch((error) => {
      throw new Failure(`cannot read ${file}: ${error.message}`, EXIT_READ);
    });
    pieces.push(
      name === 'data'
        ? Buffer.from(bytes.toString('latin1').replace(/[\r\n]/g, ''), 'latin1')
        : bytes,
    );
  }
  return pieces.length === 0 ? undefined : Buffer.concat(pieces);
}

function outputFile() {
  if (flags.output !== undefined) return flags.output === '-' ? undefined : flags.output;
  if (!flags['remote-name']) return undefined;
  const name = basename(new URL(url).pathname);
  if (name === '') throw new Failure('-O: the URL names no file', EXIT_WRITE);
  return name;
}

/** A line on stderr, when somebody looks at it and it does not mix with the body. */
function progressMeter(toFile) {
  if (flags.silent || !process.stderr.isTTY || (!toFile && process.stdout.isTTY)) return undefined;
  const begun = performance.now();
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  return {
    show({ loaded, total }) {
      const seconds = (performance.now() - begun) / 1000;
      const share = total ? loaded / total : undefined;
      const bar = share === undefined ? '' : `[${'#'.repeat(Math.floor(share * 30)).padEnd(30)}] `;
      const of = total ? ` of ${kilobytes(total)}` : '';
      process.stderr.write(
        `\r\x1b[K${bar}${kilobytes(loaded)}${of}, ${kilobytes(loaded / seconds)}/s`,
      );
    },
    end: () => process.stderr.write('\n'),
  };
}

function printHead(response) {
  const lines = [`HTTP/1.1 ${response.status} ${response.statusText}`];
  for (const [name, value] of response.headers) lines.push(`${name}: ${value}`);
  process.stdout.write(`${lines.join('\r\n')}\r\n\r\n`);
}

async function main() {
  const body = await requestBody();
  const file = outputFile();
  if (body !== undefined) setDefault('content-type', flags.json ? JSON_TYPE : FORM);
  if (flags.json) setDefault('accept', JSON_TYPE);
  if (flags['user-agent']) setDefault('user-agent', flags['user-agent']);
  if (flags.user !== undefined) {
    setDefault('authorization', `Basic ${Buffer.from(flags.user).toString('base64')}`);
  }
  onTunnelState((event) => say(`${event.state}${event.step ? `: ${event.step}` : ''}`));
  await setupMixTunnel(await tunnelOptions(flags));
  if (flags.verbose) {
    const info = await getTunnelInfo();
    say(`entry gateway ${info.gateway}`);
    say(`exit ${info.exit} (protocol ${info.exitVersion}, MTU ${info.mtu})`);
  }
  const method = flags.request ?? (flags.head ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  for (const [name, value] of headers) say(`> ${name}: ${value}`);
  const meter = progressMeter(file !== undefined);
  const response = await mixFetch(url, {
    method,
    headers,
    redirect: flags.location ? 'follow' : 'manual',
    ...(body === undefined ? {} : { body }),
    ...(maxTime === undefined ? {} : { timeoutMs: maxTime }),
    ...(meter === undefined ? {} : { onDownloadProgress: (progress) => meter.show(progress) }),
  });
  if (response.redirected) say(`redirected to ${response.url}`);
  if (flags.fail && response.status >= 400) {
    await response.body?.cancel();
    throw new Failure(`the server answered ${response.status}`, EXIT_HTTP_STATUS);
  }
  if (flags.include || flags.head) printHead(response);
  if (response.body) {
    const sink = file === undefined ? process.stdout : createWriteStream(file);
    sink.on('error', (error) => (error.exitCode = EXIT_WRITE));
    await pipeline(response.body, sink, { end: file !== undefined });
  }
  meter?.end();
  const timing = mixFetch.timing(response);
  if (timing) say(`done in ${Math.round(timing.end ?? 0)} ms ${JSON.stringify(timing)}`);
}

try {
  await main();
} catch (error) {
  if (!flags.silent) {
    process.stderr.write(`mix-curl: ${error.message}${error.code ? ` (${error.code})` : ''}\n`);
  }
  process.exitCode = error.exitCode ?? EXIT_CODES[error.code] ?? 1;
} finally {
  await disconnectMixTunnel();
}
