// All of it wired together: names resolve by the client's default resolvers to public addresses,
// and the exit's address map leads every one of them to this machine.
import { createAuthority } from './authority.mjs';
import { startLocalnet } from './localnet.mjs';
import { startNameServer } from './name-server.mjs';
import { startOrigin } from './origin.mjs';
import { startWebSocketServer } from './web-socket-server.mjs';

/** Public addresses that stand for servers here. Nothing is ever sent to them. */
export const ADDRESSES = {
  origin4: '198.60.22.10',
  origin6: '2606:4700:10::6816:10',
  refused: '198.60.22.11',
  sockets: '198.60.22.12',
  exit: '127.0.0.9',
};
/** The client's default resolvers. */
const RESOLVERS = ['8.8.8.8', '1.1.1.1'];
/** Options of a tunnel that repeats itself sooner than a shaped one; the protocol is the same. */
export const UNSHAPED = { disablePoissonTraffic: true, disableCoverTraffic: true };
export const ORIGIN_NAME = 'origin.example';

/**
 * @param {{ localnet?: string[], pages?: Record<string, string>, open?: boolean,
 *   hosts?: (authority: ReturnType<typeof createAuthority>) => Promise<Host[]>,
 *   zone?: Record<string, Record<string, unknown[]>>,
 *   behaviours?: Parameters<typeof startNameServer>[2] }} [options]
 *   `open` lets the exit reach the real internet for names that are not of this one (never in tests);
 *   `hosts` starts further servers: names, the public address that stands for them, and the local
 *   port behind each of their ports; `zone` and `behaviours`: more names for the name server
 * @typedef {{ names: string[], address: string, ports: Record<number, number> }} Host
 */
export async function startInternet({
  localnet: extra = [],
  pages = {},
  open = false,
  hosts = async () => [],
  zone = {},
  behaviours = {},
} = {}) {
  const authority = createAuthority();
  const further = await hosts(authority);
  const names = [ORIGIN_NAME, 'www.example', ADDRESSES.origin4, ADDRESSES.origin6, '127.0.0.1'];
  const origin = await startOrigin(
    authority.issue(names),
    authority.issue(names, { expired: true }),
    pages,
  );
  const dns = await startNameServer(
    {
      [ORIGIN_NAME]: { A: [ADDRESSES.origin4], AAAA: [ADDRESSES.origin6] },
      'www.example': { A: [ADDRESSES.origin4] },
      'wrong-host.example': { A: [ADDRESSES.origin4] },
      'six.example': { AAAA: [ADDRESSES.origin6] },
      'refused.example': { A: [ADDRESSES.refused] },
      'sockets.example': { A: [ADDRESSES.sockets] },
      ...Object.fromEntries(
        further.flatMap(({ names, address }) => names.map((name) => [name, { A: [address] }])),
      ),
      ...zone,
    },
    authority.issue([...RESOLVERS, 'dns.example']),
    behaviours,
  );
  const sockets = await startWebSocketServer(authority.issue(['sockets.example']));
  const { httpsPort, httpPort, expiredPort } = origin;
  const resolvers = RESOLVERS.flatMap((address) => [
    `${address}:53=127.0.0.1:${dns.port}`,
    `${address}:853=127.0.0.1:${dns.tlsPort}`,
    `${address}:443=127.0.0.1:${dns.httpsPort}`,
  ]);
  // Whatever else: the discard port, where nobody listens.
  const nowhere = ['0.0.0.0/0:*=127.0.0.1:9', '[::/0]:*=[::1]:9'];
  const maps = [
    ...(open ? [] : resolvers),
    `${ADDRESSES.origin4}:443=127.0.0.1:${httpsPort}`,
    `${ADDRESSES.origin4}:80=127.0.0.1:${httpPort}`,
    `${ADDRESSES.origin4}:8443=127.0.0.1:${expiredPort}`,
    `[${ADDRESSES.origin6}]:443=[::1]:${httpsPort}`,
    ...further.flatMap(({ address, ports }) =>
      Object.entries(ports).map(([port, local]) => `${address}:${port}=127.0.0.1:${local}`),
    ),
    `${ADDRESSES.sockets}:80=127.0.0.1:${sockets.port}`,
    `${ADDRESSES.sockets}:443=127.0.0.1:${sockets.tlsPort}`,
    `${ADDRESSES.sockets}:7=127.0.0.1:${sockets.tcpPort}`,
    ...(open ? [] : nowhere),
  ];
  const localnet = await startLocalnet([
    ...maps.flatMap((map) => ['--map', map]),
    '--outbound',
    ADDRESSES.exit,
    ...extra,
  ]);
  return {
    authority,
    origin,
    dns,
    sockets,
    localnet,
    directory: localnet.directory,
    /** Options of `setupMixTunnel` that lead here. Gateways on loopback have no certificates. */
    tunnel: { nymApiUrl: localnet.directory, extraRoots: authority.pem, forceTls: false },
    async stop() {
      await localnet.stop();
      await dns.stop();
      await sockets.stop();
      await origin.stop();
      authority.dispose();
    },
  };
}
