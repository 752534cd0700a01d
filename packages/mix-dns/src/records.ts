// What records look like: the shapes of Node's dns.promises. spec: api part 2 §4
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
