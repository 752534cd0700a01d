#!/usr/bin/env node
// mix-curl: one request through the mixnet. The body goes to stdout, the story to stderr (-v).
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelInfo,
  onTunnelState,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';

const USAGE = `usage: mix-curl [options] URL

  -X, --request METHOD     method (default GET, or POST with --data)
  -H, --header 'N: V'      request header; may be repeated
  -d, --data TEXT          request body
  -i, --include            print status line and headers before the body
  -v, --verbose            tell on stderr what happens
      --directory URL      directory API (default: MIX_DIRECTORY, else the live network)
      --ipr ADDRESS        exit to use
      --gateway IDENTITY   entry gateway to use
      --cacert FILE        PEM certificates to trust beside the built-in roots
      --insecure-gateway   allow ws:// to the entry gateway
      --no-poisson         send without traffic shaping (weakens privacy)
      --max-time SECONDS   limit of the whole exchange
  -h, --help
`;

/** curl's exit codes, where there is one for it. */
const EXIT_CODES = {
  BAD_URL: 3,
  BAD_SCHEME: 1,
  DNS_NOT_FOUND: 6,
  DNS_TIMEOUT: 6,
  DNS_SERVFAIL: 6,
  CONNECT_REFUSED: 7,
  CONNECT_TIMEOUT: 28,
  HEADERS_TIMEOUT: 28,
  BODY_TIMEOUT: 28,
  HTTP_TRUNCATED: 18,
  TLS_HANDSHAKE: 35,
  TLS_CERTIFICATE: 60,
  REDIRECT: 47,
  CONNECTION_RESET: 56,
};

function usageError(message) {
  process.stderr.write(`mix-curl: ${message}\n${USAGE}`);
  process.exit(2);
}

let parsed;
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: {
      request: { type: 'string', short: 'X' },
      header: { type: 'string', short: 'H', multiple: true, default: [] },
      data: { type: 'string', short: 'd' },
      include: { type: 'boolean', short: 'i' },
      verbose: { type: 'boolean', short: 'v' },
      directory: { type: 'string' },
      ipr: { type: 'string' },
      gateway: { type: 'string' },
      cacert: { type: 'string' },
      'insecure-gateway': { type: 'boolean' },
      'no-poisson': { type: 'boolean' },
      'max-time': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
} catch (error) {
  usageError(error.message);
}
const { values: flags, positionals } = parsed;
if (flags.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (positionals.length !== 1) usageError('exactly one URL is needed');
const [url] = positionals;

const headers = flags.header.map((line) => {
  const colon = line.indexOf(':');
  if (colon < 1) usageError(`not a header: ${line}`);
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
});
const maxTime = flags['max-time'] === undefined ? undefined : Number(flags['max-time']) * 1000;
if (maxTime !== undefined && !(maxTime > 0)) usageError('--max-time needs a number of seconds');

const say = (text) => {
  if (flags.verbose) process.stderr.write(`* ${text}\n`);
};

async function main() {
  const directory = flags.directory ?? process.env['MIX_DIRECTORY'];
  const local = directory !== undefined && /^http:\/\/(127\.|localhost|\[::1\])/.test(directory);
  onTunnelState((event) => say(`${event.state}${event.step ? `: ${event.step}` : ''}`));
  await setupMixTunnel({
    ...(directory === undefined ? {} : { nymApiUrl: directory }),
    ...(flags.ipr === undefined ? {} : { preferredIpr: flags.ipr }),
    ...(flags.gateway === undefined ? {} : { preferredGateway: flags.gateway }),
    ...(flags.cacert === undefined ? {} : { extraRoots: await readFile(flags.cacert, 'utf8') }),
    // A local network has no certificates for its gateways.
    forceTls: !(flags['insecure-gateway'] || local),
    disablePoissonTraffic: flags['no-poisson'] === true,
  });
  if (flags.verbose) {
    const info = await getTunnelInfo();
    say(`entry gateway ${info.gateway}`);
    say(`exit ${info.exit} (protocol ${info.exitVersion}, MTU ${info.mtu})`);
  }
  const response = await mixFetch(url, {
    method: flags.request ?? (flags.data === undefined ? 'GET' : 'POST'),
    headers,
    ...(flags.data === undefined ? {} : { body: flags.data }),
    ...(maxTime === undefined ? {} : { timeoutMs: maxTime }),
  });
  if (flags.include) {
    process.stdout.write(`HTTP/1.1 ${response.status} ${response.statusText}\r\n`);
    for (const [name, value] of response.headers) process.stdout.write(`${name}: ${value}\r\n`);
    process.stdout.write('\r\n');
  }
  if (response.body) await pipeline(response.body, process.stdout, { end: false });
  const timing = mixFetch.timing(response);
  if (timing) say(`done in ${Math.round(timing.end ?? 0)} ms ${JSON.stringify(timing)}`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`mix-curl: ${error.message}${error.code ? ` (${error.code})` : ''}\n`);
  process.exitCode = EXIT_CODES[error.code] ?? 1;
} finally {
  await disconnectMixTunnel();
}
