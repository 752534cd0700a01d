// The command line options by which programs say what tunnel they want.
import { readFile } from 'node:fs/promises';

/** For `parseArgs`. */
export const TUNNEL_FLAGS = {
  directory: { type: 'string' },
  ipr: { type: 'string' },
  gateway: { type: 'string' },
  cacert: { type: 'string' },
  'insecure-gateway': { type: 'boolean' },
  'no-poisson': { type: 'boolean' },
};

export const TUNNEL_USAGE = `\
      --directory URL      directory API (default: MIX_DIRECTORY, else the live network)
      --ipr ADDRESS        exit to use
      --gateway IDENTITY   entry gateway to use
      --cacert FILE        PEM certificates to trust beside the built-in roots
      --insecure-gateway   allow ws:// to the entry gateway
      --no-poisson         send without traffic shaping (weakens privacy)
`;

/** Options of `setupMixTunnel`. Rejects when the file of roots cannot be read. */
export async function tunnelOptions(flags) {
  const directory = flags.directory ?? process.env['MIX_DIRECTORY'];
  const isLocal = directory !== undefined && /^http:\/\/(127\.|localhost|\[::1\])/.test(directory);
  return {
    ...(directory === undefined ? {} : { nymApiUrl: directory }),
    ...(flags.ipr === undefined ? {} : { preferredIpr: flags.ipr }),
    ...(flags.gateway === undefined ? {} : { preferredGateway: flags.gateway }),
    ...(flags.cacert === undefined ? {} : { extraRoots: await readFile(flags.cacert, 'utf8') }),
    // A local network has no certificates for its gateways.
    forceTls: !(flags['insecure-gateway'] || isLocal),
    disablePoissonTraffic: flags['no-poisson'] === true,
  };
}
