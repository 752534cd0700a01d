// mixDNS in Node: every record type, transport and option over the local mixnet.
import {
  flushDnsCache,
  mixDNS,
  mixDNSLookup,
  mixDNSResolve,
  mixDNSReverse,
  type RecordType,
} from '@mixweb/mix-dns';
import { mixFetch } from '@mixweb/mix-fetch';
import { disconnectMixTunnel, getMixTunnel, setupMixTunnel } from '@mixweb/mix-tunnel';
import { ADDRESSES, startInternet, UNSHAPED } from '@mixweb/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const chain = (length: number): Record<string, Record<string, unknown[]>> =>
  Object.fromEntries(
    Array.from({ length }, (_, i) => [
      `chain${length}-${i}.example`,
      i === length - 1 ? { A: ['192.0.2.77'] } : { CNAME: [`chain${length}-${i + 1}.example`] },
    ]),
  );

const ZONE = {
  ...chain(5),
  ...chain(11),
  'records.example': {
    A: ['192.0.2.1', '192.0.2.2'],
    AAAA: ['2001:db8::1'],
    TXT: [['one', 'two'], ['grüße']],
    MX: [{ preference: 10, exchange: 'mail.example' }],
    NS: ['ns1.example', 'ns2.example'],
    SOA: [
      {
        mname: 'ns1.example',
        rname: 'admin.example',
        serial: 7,
        refresh: 1,
        retry: 2,
        expire: 3,
        minimum: 4,
      },
    ],
    CAA: [{ flags: 128, tag: 'issue', value: 'ca.example' }],
    HTTPS: [
      // priority 1, target ".", alpn h2 and h3, port 8443, ipv4hint 192.0.2.9
      Buffer.from('0001000001000602683202683300030002' + '20fb' + '00040004c0000209', 'hex'),
    ],
  },
  '_sip._tcp.example.com': {
    SRV: [{ priority: 1, weight: 2, port: 5060, target: 'sip.example' }],
  },
  'alias.example': { CNAME: ['records.example'] },
  'loop-a.example': { CNAME: ['loop-b.example'] },
  'loop-b.example': { CNAME: ['loop-a.example'] },
  'big.example': { TXT: Array.from({ length: 40 }, (_, i) => [`${i} `.padEnd(200, 'x')]) },
  'forged.example': { A: ['192.0.2.10'] },
  'lost.example': { A: ['192.0.2.11'] },
  'silent.example': { A: ['192.0.2.12'] },
  'broken.example': { A: ['192.0.2.13'] },
  'dns.example': { A: ['8.8.8.8'] },
  'xn--bcher-kva.example': { A: ['192.0.2.14'] },
  '10.22.60.198.in-addr.arpa': { PTR: ['origin.example'] },
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': {
    PTR: ['six.example'],
  },
};

let internet: Awaited<ReturnType<typeof startInternet>>;
const asked = (name: string): { type: string; transport: string }[] =>
  internet.dns.questions
    .filter((question) => question.name === name)
    .map(({ type, transport }) => ({ type, transport }));

beforeAll(async () => {
  internet = await startInternet({
    zone: ZONE,
    behaviours: {
      'forged.example': 'forged',
      'lost.example': 'drop-first',
      'silent.example': 'silent',
      'broken.example': 'servfail',
    },
  });
});
afterAll(async () => {
  await internet.stop();
});

describe('before set-up', () => {
  it('rejects', async () => {
    await expect(mixDNS('origin.example')).rejects.toThrow('tunnel not ready');
  });
});

describe('mixDNS', () => {
  beforeAll(async () => {
    await setupMixTunnel({ ...internet.tunnel, ...UNSHAPED });
  });
  afterAll(async () => {
    await disconnectMixTunnel();
  });
  beforeEach(async () => {
    await flushDnsCache();
    internet.dns.questions.length = 0;
  });

  it('prefers A, is content with AAAA, and asks from the exit', async () => {
    expect(await mixDNS('origin.example')).toBe(ADDRESSES.origin4);
    expect(await mixDNS('six.example')).toBe(ADDRESSES.origin6);
    expect(new Set(internet.dns.questions.map(({ from }) => from))).toEqual(
      new Set([ADDRESSES.exit]),
    );
  });

  it('returns IP literals as they are, without a question', async () => {
    expect(await mixDNS('192.0.2.99')).toBe('192.0.2.99');
    expect(await mixDNS('2001:DB8::1')).toBe('2001:DB8::1');
    expect(internet.dns.questions).toEqual([]);
  });

  it('keeps localhost, .onion, .local and single labels to itself', async () => {
    expect(await mixDNS('localhost')).toBe('127.0.0.1');
    expect(await mixDNS('app.localhost', { family: 6 })).toBe('::1');
    for (const name of ['abc.onion', 'printer.local', 'intranet', 'a..example', '']) {
      await expect(mixDNS(name)).rejects.toThrow(`DNS error: invalid hostname '${name || '?'}'`);
    }
    expect(internet.dns.questions).toEqual([]);
  });

  it('says what is wrong in the words of the reference', async () => {
    await expect(mixDNS('nowhere.example')).rejects.toMatchObject({
      message: 'DNS error: no A, AAAA, or CNAME records for nowhere.example',
      code: 'DNS_NOT_FOUND',
      phase: 'dns',
    });
    await expect(mixDNS('loop-a.example')).rejects.toMatchObject({
      message: 'DNS error: CNAME chain too long (>8 hops) for loop-a.example',
    });
    await expect(mixDNS('silent.example', { timeoutMs: 400 })).rejects.toMatchObject({
      message: 'operation timed out',
      code: 'DNS_TIMEOUT',
    });
    await expect(mixDNS('broken.example')).rejects.toMatchObject({ code: 'DNS_SERVFAIL' });
    const worker = await getMixTunnel();
    await expect(worker.mixDNS('nowhere.example')).rejects.toThrow(
      'DNS error: no A, AAAA, or CNAME records for nowhere.example',
    );
  });

  it('follows a chain, but not a long one', async () => {
    expect(await mixDNS('chain5-0.example')).toBe('192.0.2.77');
    await expect(mixDNS('chain11-0.example')).rejects.toThrow('CNAME chain too long');
  });

  it('turns Unicode names into what the DNS knows', async () => {
    expect(await mixDNS('bücher.example')).toBe('192.0.2.14');
    expect(await (await getMixTunnel()).mixDNS('Bücher.Example')).toBe('192.0.2.14');
  });

  it('does not believe forged answers', async () => {
    expect(await mixDNS('forged.example')).toBe('192.0.2.10');
  });

  it('asks again when a question gets lost', async () => {
    expect(await mixDNS('lost.example', { family: 4 })).toBe('192.0.2.11');
    expect(asked('lost.example').length).toBeGreaterThan(1);
  });

  it('lists addresses with their time to live, both families or one', async () => {
    expect(await mixDNSLookup('records.example')).toEqual([
      { address: '192.0.2.1', family: 4, ttl: 60 },
      { address: '192.0.2.2', family: 4, ttl: 60 },
      { address: '2001:db8::1', family: 6, ttl: 60 },
    ]);
    const six = await mixDNSLookup('records.example', { family: 6, noCache: true });
    expect(six.map(({ address }) => address)).toEqual(['2001:db8::1']);
  });

  it.each<[RecordType, string, unknown[]]>([
    ['A', 'records.example', ['192.0.2.1', '192.0.2.2']],
    ['AAAA', 'records.example', ['2001:db8::1']],
    ['CNAME', 'alias.example', ['records.example']],
    ['TXT', 'records.example', [['one', 'two'], ['grüße']]],
    ['MX', 'records.example', [{ priority: 10, exchange: 'mail.example' }]],
    ['NS', 'records.example', ['ns1.example', 'ns2.example']],
    ['SRV', '_sip._tcp.example.com', [{ priority: 1, weight: 2, port: 5060, name: 'sip.example' }]],
    [
      'SOA',
      'records.example',
      [
        {
          nsname: 'ns1.example',
          hostmaster: 'admin.example',
          serial: 7,
          refresh: 1,
          retry: 2,
          expire: 3,
          minttl: 4,
        },
      ],
    ],
    ['CAA', 'records.example', [{ critical: 128, tag: 'issue', value: 'ca.example' }]],
    [
      'HTTPS',
      'records.example',
      [
        {
          priority: 1,
          target: '',
          params: { alpn: ['h2', 'h3'], port: 8443, ipv4hint: ['192.0.2.9'] },
        },
      ],
    ],
    ['PTR', '10.22.60.198.in-addr.arpa', ['origin.example']],
  ])('resolves %s records', async (type, name, records) => {
    const answer = await mixDNSResolve(name, type);
    expect(answer).toMatchObject({ records, canonicalName: name, ttl: 60, fromCache: false });
    expect(answer.server).toBe('8.8.8.8:53');
    expect(await mixDNSResolve(name, type)).toMatchObject({ records, fromCache: true });
    expect(asked(name)).toHaveLength(1);
  });

  it('tells the canonical name behind an alias', async () => {
    const { canonicalName, records } = await mixDNSResolve('alias.example', 'A');
    expect(canonicalName).toBe('records.example');
    expect(records).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  it('tells a missing type from a missing name', async () => {
    await expect(mixDNSResolve('records.example', 'SRV')).rejects.toMatchObject({
      detail: 'dns_no_records',
    });
    await expect(mixDNSResolve('nowhere.example', 'MX')).rejects.toMatchObject({
      detail: 'dns_not_found',
    });
    await expect(
      mixDNSResolve('records.example', 'NAPTR' as unknown as RecordType),
    ).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('finds the names of addresses', async () => {
    expect(await mixDNSReverse(ADDRESSES.origin4)).toEqual(['origin.example']);
    expect(await mixDNSReverse('2001:db8::1')).toEqual(['six.example']);
    await expect(mixDNSReverse('origin.example')).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('gets answers that are too large for a datagram over TCP', async () => {
    const { records } = await mixDNSResolve('big.example', 'TXT');
    expect(records).toHaveLength(40);
    expect(asked('big.example').map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  });

  it.each(['tcp', 'tls', 'https'] as const)('asks over %s', async (transport) => {
    expect(await mixDNS('records.example', { transport, family: 4 })).toBe('192.0.2.1');
    expect(asked('records.example')).toEqual([{ type: 'A', transport }]);
  });

  it.each(['tcp', 'tls', 'https'] as const)('keeps its connection over %s', async (transport) => {
    const options = { transport, family: 4, noCache: true } as const;
    await mixDNS('records.example', options);
    const before = internet.dns.connections[transport];
    await mixDNS('alias.example', options);
    const names = ['www.example', 'chain5-0.example', 'records.example', 'forged.example'];
    const found = await Promise.all(names.map((name) => mixDNS(name, options)));
    expect(found).toEqual([ADDRESSES.origin4, '192.0.2.77', '192.0.2.1', '192.0.2.10']);
    expect(internet.dns.connections[transport]).toBe(before);
  });

  it('asks a resolver of choice, by address, name or URL', async () => {
    const options = { family: 4, noCache: true } as const;
    expect(await mixDNS('www.example', { ...options, server: '1.1.1.1' })).toBe(ADDRESSES.origin4);
    const byName = { ...options, transport: 'tls', server: 'dns.example' } as const;
    expect(await mixDNS('www.example', byName)).toBe(ADDRESSES.origin4);
    const server = 'https://dns.example/dns-query';
    const byUrl = { ...options, transport: 'https', server } as const;
    expect(await mixDNS('www.example', byUrl)).toBe(ADDRESSES.origin4);
    const transports = asked('www.example').map(({ transport }) => transport);
    // A slow machine asks again.
    expect([...new Set(transports)]).toEqual(['udp', 'tls', 'https']);
    await expect(mixDNS('www.example', { server: 'dns.example' })).rejects.toMatchObject({
      detail: 'dns_bad_server',
    });
  });

  it('refuses a resolver whose certificate is for somebody else', async () => {
    const options = { transport: 'tls', server: 'origin.example:443' } as const;
    await expect(mixDNS('www.example', { ...options, timeoutMs: 5000 })).rejects.toThrow();
    await expect(
      mixDNS('www.example', { transport: 'tls', server: '1.1.1.1:443' }),
    ).rejects.toThrow();
  });

  it('shares one question among callers, and answers with mixFetch', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => mixDNS('www.example')));
    expect(new Set(many)).toEqual(new Set([ADDRESSES.origin4]));
    await mixFetch('https://www.example/page-1.html');
    const types = asked('www.example').map(({ type }) => type);
    expect(new Set(types)).toEqual(new Set(['A', 'AAAA']));
    // Two, and what a slow machine asks again.
    expect(types.length).toBeLessThan(10);
    await mixDNS('www.example', { noCache: true });
    expect(asked('www.example').length).toBeGreaterThan(types.length);
  });

  it('remembers that there is nothing', async () => {
    await expect(mixDNS('nowhere.example')).rejects.toThrow();
    const { length } = asked('nowhere.example');
    for (let i = 0; i < 2; i++) await expect(mixDNS('nowhere.example')).rejects.toThrow();
    expect(asked('nowhere.example')).toHaveLength(length);
  });

  it('is aborted by a signal', async () => {
    const controller = new AbortController();
    const pending = mixDNS('silent.example', { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(pending).rejects.toThrow('changed my mind');
    const signal = AbortSignal.timeout(50);
    await expect(mixDNS('silent.example', { signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  it('checks its options', async () => {
    await expect(mixDNS('www.example', { timeoutMs: 0 })).rejects.toThrow(RangeError);
    await expect(mixDNS('www.example', { family: 5 as 4 })).rejects.toThrow(RangeError);
    await expect(mixDNS('www.example', { transport: 'doq' as 'udp' })).rejects.toThrow(RangeError);
  });
});
