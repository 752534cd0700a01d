/**
 * mixDNS: names resolved through the page's mixnet tunnel. spec: api part 1 §3, part 2 §4
 *
 * @module @mixweb/mix-dns
 */

import {
  MixError,
  sharedTunnel,
  type ChannelNews,
  type ChannelRequest,
  type DnsTransport,
} from '@mixweb/mix-tunnel';

import type { DnsAnswer, DnsRecord, RecordType } from './records.ts';

export { disconnectMixTunnel, getTunnelState, MixError, setupMixTunnel } from '@mixweb/mix-tunnel';
export type { DnsTransport, MixErrorCode, SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
export type {
  CaaRecord,
  DnsAnswer,
  DnsRecord,
  MxRecord,
  RecordType,
  ServiceRecord,
  SoaRecord,
  SrvRecord,
} from './records.ts';

export interface MixDnsOptions {
  signal?: AbortSignal;
  /** Limit of the whole question, ms. Default: the tunnel's dnsTimeoutMs. */
  timeoutMs?: number;
  /**
   * Resolver to ask instead of the tunnel's two: `ip[:port]`; over TLS also `name[:port]`; over
   * HTTPS also a URL.
   */
  server?: string;
  /** Ask anew although the answer is known. Default false. */
  noCache?: boolean;
  /** Only addresses of that family. Default both. */
  family?: 4 | 6;
  /** Default `udp`, with TCP after a truncated answer. */
  transport?: DnsTransport;
}

export interface MixDnsAddress {
  address: string;
  family: 4 | 6;
  /** Seconds. */
  ttl: number;
}

const TRANSPORTS: readonly string[] = ['udp', 'tcp', 'tls', 'https'];
const MAX_MS = 2 ** 31 - 1;

function checkOptions(options: MixDnsOptions): void {
  const { timeoutMs, family, transport } = options;
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= MAX_MS)) {
    throw new RangeError(`timeoutMs: expected 1 to ${MAX_MS}, got ${String(timeoutMs)}`);
  }
  if (family !== undefined && family !== 4 && family !== 6) {
    throw new RangeError(`family: expected 4 or 6, got ${String(family)}`);
  }
  if (transport !== undefined && !TRANSPORTS.includes(transport)) {
    throw new RangeError(`transport: expected udp, tcp, tls or https, got ${String(transport)}`);
  }
}

type DnsRequest = Extract<ChannelRequest, { kind: 'dns' }>;
type Answer<K extends ChannelNews['kind']> = Extract<ChannelNews, { kind: K }>;

async function ask<K extends 'addresses' | 'records'>(
  question: Pick<DnsRequest, 'what' | 'name' | 'type'>,
  options: MixDnsOptions,
  expected: K,
): Promise<Answer<K>> {
  checkOptions(options);
  const { signal, timeoutMs, server, noCache, family, transport } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      channel.cancel();
      reject(signal?.reason as Error);
    };
    const channel = sharedTunnel().openChannel(
      { kind: 'dns', ...question, timeoutMs, server, noCache, family, transport },
      (news) => {
        signal?.removeEventListener('abort', onAbort);
        if (news.kind === expected) resolve(news as Answer<K>);
        else if (news.kind === 'failed') {
          reject(MixError.from({ ...news.error, phase: 'dns', retryable: true }));
        }
      },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** The name's first IPv4 address, else its first IPv6 address. IP literals come back as they are. */
export const mixDNS = async (hostname: string, options: MixDnsOptions = {}): Promise<string> => {
  const { addresses } = await ask({ what: 'addresses', name: hostname }, options, 'addresses');
  const [first] = addresses;
  if (first === undefined)
    throw new MixError('DNS_NOT_FOUND', `DNS error: no records: ${hostname}`);
  return first.address;
};

/** All addresses of the name, IPv4 first. */
export const mixDNSLookup = async (
  hostname: string,
  options: MixDnsOptions = {},
): Promise<MixDnsAddress[]> => {
  const { addresses } = await ask({ what: 'addresses', name: hostname }, options, 'addresses');
  return addresses.map(({ address, family, ttlMs }) => ({ address, family, ttl: seconds(ttlMs) }));
};

/** The name's records of one type. */
export const mixDNSResolve = async <T extends RecordType>(
  name: string,
  type: T,
  options: MixDnsOptions = {},
): Promise<DnsAnswer<T>> => {
  const answer = await ask({ what: 'records', name, type }, options, 'records');
  return {
    records: answer.records as DnsRecord<T>[],
    canonicalName: answer.canonicalName,
    ttl: seconds(answer.ttlMs),
    server: answer.server,
    authenticated: answer.authenticated,
    fromCache: answer.fromCache,
  };
};

/** The names of an IP address. */
export const mixDNSReverse = async (ip: string, options: MixDnsOptions = {}): Promise<string[]> => {
  const { records } = await ask({ what: 'reverse', name: ip }, options, 'records');
  return records as string[];
};

/** Forgets all answers of the tunnel's resolver, those of mixFetch included. */
export const flushDnsCache = async (): Promise<void> => sharedTunnel().clearDnsCache();
