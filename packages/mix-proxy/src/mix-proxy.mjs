#!/usr/bin/env node
// mix-proxy: a local SOCKS5 and HTTP proxy over one tunnel, for programs that cannot be changed.
import { parseArgs } from 'node:util';

import { TUNNEL_FLAGS, TUNNEL_USAGE, tunnelOptions } from '@mixweb/mix-curl/tunnel-flags';
import { disconnectMixTunnel, onTunnelState, setupMixTunnel } from '@mixweb/mix-tunnel';

import { startProxy } from './proxy.mjs';

const USAGE = `usage: mix-proxy [options]

      --host ADDRESS       where to listen (default 127.0.0.1; there is no password)
      --port PORT          default 1080; 0 takes a free one
${TUNNEL_USAGE}  -v, --verbose            tell on stderr what the tunnel does
  -h, --help
`;

function usageError(message) {
  process.stderr.write(`mix-proxy: ${message}\n${USAGE}`);
  process.exit(2);
}

let flags;
try {
  ({ values: flags } = parseArgs({
    options: {
      host: { type: 'string' },
      port: { type: 'string', default: '1080' },
      ...TUNNEL_FLAGS,
      verbose: { type: 'boolean', short: 'v' },
      help: { type: 'boolean', short: 'h' },
    },
  }));
} catch (error) {
  usageError(error.message);
}
if (flags.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const port = Number(flags.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) usageError('--port: expected 0 to 65535');

let proxy;
let isEnding = false;
async function end(status) {
  if (isEnding) return;
  isEnding = true;
  await proxy?.close();
  await disconnectMixTunnel();
  process.exit(status);
}
process.on('SIGINT', () => void end(0));
process.on('SIGTERM', () => void end(0));

try {
  onTunnelState(({ state, step, error }) => {
    if (flags.verbose) process.stderr.write(`* ${state}${step ? `: ${step}` : ''}\n`);
    // The tunnel repairs itself; what it gives up on, nobody here can repair.
    if (state === 'failed' && proxy) {
      process.stderr.write(`mix-proxy: ${error?.message ?? 'the tunnel has failed'}\n`);
      void end(1);
    }
  });
  await setupMixTunnel(await tunnelOptions(flags));
  proxy = await startProxy({ port, ...(flags.host === undefined ? {} : { host: flags.host }) });
  process.stdout.write(`SOCKS5 and HTTP proxy at ${proxy.host}:${proxy.port}\n`);
} catch (error) {
  process.stderr.write(`mix-proxy: ${error.message}${error.code ? ` (${error.code})` : ''}\n`);
  await end(1);
}
