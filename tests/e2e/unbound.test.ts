// The resolver against unbound, which speaks DNS by its own lights: every type, long answers,
// denials, TCP and TLS.
import { mixDNS, mixDNSLookup, mixDNSResolve, type RecordType } from '@mixweb/mix-dns';
import { disconnectMixTunnel, setupMixTunnel } from '@mixweb/mix-tunnel';
import { startInternet, UNSHAPED } from '@mixweb/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startUnbound } from './support/unbound.mjs';

const ADDRESS = '198.60.22.53';
const NAME = 'records.test';
const RECORDS = [
  `${NAME}. 300 IN A 192.0.2.1`,
  `${NAME}. 300 IN A 192.0.2.2`,
  `${NAME}. 300 IN AAAA 2001:db8::1`,
  `${NAME}. 300 IN TXT "one" "two"`,
  `${NAME}. 300 IN MX 10 mail.test.`,
  `${NAME}. 300 IN NS ns.test.`,
  `${NAME}. 300 IN SOA ns.test. admin.test. 7 1 2 3 4`,
  `${NAME}. 300 IN CAA 128 issue "ca.test"`,
  `${NAME}. 300 IN SRV 1 2 443 host.test.`,
  `${NAME}. 300 IN HTTPS 1 . alpn=h2,h3 port=8443`,
  `${NAME}. 300 IN PTR other.test.`,
  ...Array.from({ length: 40 }, (_, i) => `big.test. 300 IN TXT "${`${i} `.padEnd(200, 'x')}"`),
];

let unbound: Awaited<ReturnType<typeof startUnbound>>;
let internet: Awaited<ReturnType<typeof startInternet>>;

beforeAll(async () => {
  internet = await startInternet({
    hosts: async (authority) => {
      unbound = await startUnbound(RECORDS, authority.issue([ADDRESS, 'resolver.test']));
      const ports = { 53: unbound.port, 853: unbound.tlsPort };
      return [{ names: ['resolver.test'], address: ADDRESS, ports }];
    },
  });
  await setupMixTunnel({ ...internet.tunnel, ...UNSHAPED });
});
afterAll(async () => {
  await disconnectMixTunnel();
  await unbound.stop();
  await internet.stop();
});

const server = ADDRESS;

it.each<[RecordType, unknown]>([
  ['TXT', [['one', 'two']]],
  ['MX', [{ priority: 10, exchange: 'mail.test' }]],
  ['NS', ['ns.test']],
  ['PTR', ['other.test']],
  ['SRV', [{ priority: 1, weight: 2, port: 443, name: 'host.test' }]],
  ['CAA', [{ critical: 128, tag: 'issue', value: 'ca.test' }]],
  ['AAAA', ['2001:db8::1']],
])('resolves %s', async (type, records) => {
  const answer = await mixDNSResolve(NAME, type, { server });
  expect(answer).toMatchObject({ records, ttl: 300, canonicalName: NAME });
});

it('resolves SOA and HTTPS', async () => {
  const { records: soa } = await mixDNSResolve(NAME, 'SOA', { server });
  expect(soa).toMatchObject([{ serial: 7 }]);
  const { records: https } = await mixDNSResolve(NAME, 'HTTPS', { server });
  expect(https).toMatchObject([{ priority: 1 }]);
});

it.each(['udp', 'tcp', 'tls'] as const)('lists both families over %s', async (transport) => {
  const found = await mixDNSLookup(NAME, { server, transport, noCache: true });
  expect(found.map(({ address }) => address).sort()).toEqual([
    '192.0.2.1',
    '192.0.2.2',
    '2001:db8::1',
  ]);
});

it('fetches a long answer over TCP', async () => {
  expect((await mixDNSResolve('big.test', 'TXT', { server })).records).toHaveLength(40);
});

it('believes its denials', async () => {
  await expect(mixDNS('nowhere.test', { server })).rejects.toMatchObject({ code: 'DNS_NOT_FOUND' });
});
