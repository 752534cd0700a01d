import {
  DnsTransport,
  MixError,
  MixErrorCode,
  SetupMixTunnelOpts,
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';

export type RecordType =
  'A' | 'AAAA' | 'CNAME' | 'TXT' | 'MX' | 'NS' | 'SRV' | 'PTR' | 'SOA' | 'CAA' | 'HTTPS' | 'SVCB';
export interface MxRecord {
  priority: number;
  exchange: string;
}
export interface SrvRecord {
  priority: number;
  weight: number;
  port: number;
  name: string;
}
/** Times in seconds. */
export interface SoaRecord {
  nsname: string;
  hostmaster: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minttl: number;
}
export interface CaaRecord {
  /** 128 where an issuer must understand the tag, otherwise 0. */
  critical: number;
  tag: string;
  value: string;
}
/** RFC 9460. Priority 0 makes it an alias. */
export interface ServiceRecord {
  priority: number;
  target: string;
  params: {
    alpn?: string[];
    'no-default-alpn'?: true;
    port?: number;
    ipv4hint?: string[];
    ipv6hint?: string[];
    ech?: Uint8Array;
    mandatory?: string[];
    /** Others by number: `key65400`. */
    [key: `key${number}`]: Uint8Array;
  };
}
interface RecordShapes {
  A: string;
  AAAA: string;
  CNAME: string;
  TXT: string[];
  MX: MxRecord;
  NS: string;
  SRV: SrvRecord;
  PTR: string;
  SOA: SoaRecord;
  CAA: CaaRecord;
  HTTPS: ServiceRecord;
  SVCB: ServiceRecord;
}
/** One record of type T. */
export type DnsRecord<T extends RecordType> = RecordShapes[T];
export interface DnsAnswer<T extends RecordType> {
  records: DnsRecord<T>[];
  /** Owner of the records, at the end of the chain of CNAMEs. */
  canonicalName: string;
  /** How long the answer may still be believed, seconds. */
  ttl: number;
  /** Who answered, `ip:port`. */
  server: string;
  /** The resolver says that it checked the signatures (DNSSEC). */
  authenticated: boolean;
  fromCache: boolean;
}
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
/** The name's first IPv4 address, else its first IPv6 address. IP literals come back as they are. */
export declare const mixDNS: (hostname: string, options?: MixDnsOptions) => Promise<string>;
/** All addresses of the name, IPv4 first. */
export declare const mixDNSLookup: (
  hostname: string,
  options?: MixDnsOptions,
) => Promise<MixDnsAddress[]>;
/** The name's records of one type. */
export declare const mixDNSResolve: <T extends RecordType>(
  name: string,
  type: T,
  options?: MixDnsOptions,
) => Promise<DnsAnswer<T>>;
/** The names of an IP address. */
export declare const mixDNSReverse: (ip: string, options?: MixDnsOptions) => Promise<string[]>;
/** Forgets all answers of the tunnel's resolver, those of mixFetch included. */
export declare const flushDnsCache: () => Promise<void>;

export {
  DnsTransport,
  MixError,
  MixErrorCode,
  SetupMixTunnelOpts,
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
};

export {};
