// The public options of a tunnel, their defaults and checks, and their translation for the engine.
// spec: api part 1 §1, part 2 §2
import type { EngineOptions, KeyStorage } from './protocol.ts';

/**
 * Named settings of the traffic streams: `fast` 10 ms a mix, 4 ms between packets, hardly any loop
 * cover; `noCover` neither shaping nor cover; `noCoverWithKeepAlive` the same with loop cover every
 * 5 s; `noPerHopDelays` no delays in the mixes; `medium` the last two, with larger packets where
 * they save some. spec: messages §12
 */
export type TrafficPreset = (typeof TRAFFIC_PRESETS)[number];
const TRAFFIC_PRESETS = [
  'fast',
  'noCover',
  'noCoverWithKeepAlive',
  'noPerHopDelays',
  'medium',
] as const;

/** Options of setupMixTunnel. All optional. */
export interface SetupMixTunnelOpts {
  /** Exit to use, a Nym address `identity.encryption@gateway`. Default: discovered. */
  preferredIpr?: string | undefined;
  /** Entry gateway, its base58 identity. Default: random. */
  preferredGateway?: string | undefined;
  /**
   * Name under which the keys are kept, 1 to 128 characters; the same id has the same keys and, as
   * long as its gateway serves it, the same address. Default `smolmix-wasm` when keys are kept.
   */
  clientId?: string | undefined;
  /** Only `wss` to the entry gateway. Default true. */
  forceTls?: boolean;
  /** Send packets as they come instead of by a Poisson process. Weakens privacy. Default false. */
  disablePoissonTraffic?: boolean;
  /** No loop cover traffic. Weakens privacy. Default false. */
  disableCoverTraffic?: boolean;
  /** Reply SURBs sent with the opening of the exit's stream. Default 10. */
  openReplySurbs?: number | undefined;
  /** Reply SURBs sent with each data frame at least when it has room. Default 2. */
  dataReplySurbs?: number | undefined;
  /** Resolver inside the tunnel, `ip:port`; a bare address gets port 53. Default `8.8.8.8:53`. */
  primaryDns?: string | undefined;
  /** Asked when the first resolver fails. Default `1.1.1.1:53`. */
  fallbackDns?: string | undefined;
  /** Encrypts the stored keys (Argon2id, XSalsa20-Poly1305). Default: they are stored plain. */
  storagePassphrase?: string | undefined;
  /** Limit of the exit handshake, ms. Default 60 000. */
  connectTimeoutMs?: number | undefined;
  /** Limit of one DNS query, ms. Default 30 000. */
  dnsTimeoutMs?: number | undefined;
  /** TCP keep-alive interval, ms; 0 is off. Default 10 000. */
  tcpKeepaliveMs?: number | undefined;
  /** Send and receive buffer of each TCP connection, bytes. Default 524 288. */
  tcpBufferSize?: number | undefined;
  /** Redirects followed by one fetch, 0..255. Default 5. */
  maxRedirects?: number | undefined;
  /** Trace events (numbers only, never keys or destinations) on the console. Default false. */
  debug?: boolean;

  /** False: no exit, mixnet messages only. Default true. */
  exit?: boolean;
  /** Keys only in memory. Default true unless `clientId` or `storagePassphrase` is given. */
  ephemeral?: boolean;
  /** Folder of stored keys, Node only. Default: `mixweb` in the user's data folder. */
  storageDirectory?: string;
  /** Directory API, tried in order. Default: the live network's. */
  nymApiUrl?: string | string[];
  /** PEM certificates trusted beside the built-in Mozilla roots. */
  extraRoots?: string | string[];
  /** By host: base64 SHA-256 of public keys (SPKI), one of which its certificate chain must have. */
  tlsPins?: Record<string, string[]>;
  /** Speak Sphinx version 258 with v1 SURB lists, for exits older than 1.21. Default false. */
  useLegacySphinxFormat?: boolean;
  /** Repair a lost gateway or exit. Default true: { maxAttempts: ∞, 500, 30 000 }. */
  reconnect?: boolean | { maxAttempts?: number; minDelayMs?: number; maxDelayMs?: number };
  /** How often the exit hears of an idle tunnel, ms; 0 is off. Default 25 000. */
  iprKeepaliveMs?: number;
  /** Upper bound of the tunnel's MTU, 1280..1500. */
  mtu?: number;
  /** Means of the traffic streams, ms. Changing them makes this client stand out. */
  traffic?: {
    /** What the other values start from. Default: the network's defaults. */
    preset?: TrafficPreset;
    averagePacketDelayMs?: number;
    averageAckDelayMs?: number;
    messageSendingAverageDelayMs?: number;
    loopCoverTrafficAverageDelayMs?: number;
  };
}

/** Directories of the live network, tried in order. spec: topology §1 */
export const MAINNET_API_URLS: readonly string[] = [
  'https://validator.nymtech.net/api/',
  'https://nym-frontdoor.global.ssl.fastly.net/api/',
  'https://cdn1.media-platform.net/api/',
];

const MAX_MS = 2 ** 31 - 1;
/** Also the reference's. spec: api part 1 §1 */
export const DEFAULT_CLIENT_ID = 'smolmix-wasm';
const MAX_CLIENT_ID = 128;

/** Inclusive bounds of the numeric options. */
const RANGES: readonly [keyof SetupMixTunnelOpts, number, number][] = [
  ['openReplySurbs', 0, 500],
  ['dataReplySurbs', 0, 500],
  ['connectTimeoutMs', 1, MAX_MS],
  ['dnsTimeoutMs', 1, MAX_MS],
  ['tcpKeepaliveMs', 0, MAX_MS],
  ['tcpBufferSize', 4096, 16 * 1024 * 1024],
  ['maxRedirects', 0, 255],
  ['iprKeepaliveMs', 0, MAX_MS],
  ['mtu', 1280, 1500],
];

/** @throws RangeError */
export function checkClientId(clientId: unknown): void {
  if (clientId === undefined) return;
  if (typeof clientId !== 'string' || clientId.length < 1 || clientId.length > MAX_CLIENT_ID) {
    throw new RangeError(`clientId: expected 1 to ${MAX_CLIENT_ID} characters`);
  }
}

/**
 * Checks what the engine cannot: types and ranges of the caller's values.
 *
 * @throws RangeError naming the option, its value and what would be right.
 */
export function checkOptions(opts: SetupMixTunnelOpts): void {
  for (const [name, min, max] of RANGES) {
    const value = opts[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new RangeError(
        `${name}: expected an integer from ${min} to ${max}, got ${String(value)}`,
      );
    }
  }
  checkClientId(opts.clientId);
  const { preset, ...means } = opts.traffic ?? {};
  if (preset !== undefined && !TRAFFIC_PRESETS.includes(preset)) {
    throw new RangeError(
      `traffic.preset: expected one of ${TRAFFIC_PRESETS.join(', ')}, got ${String(preset)}`,
    );
  }
  for (const [name, value] of Object.entries(means)) {
    if (!Number.isFinite(value) || value < 0) {
      throw new RangeError(`traffic.${name}: expected milliseconds >= 0, got ${String(value)}`);
    }
  }
}

/** Where the keys are kept, or undefined when they are not. spec: api part 2 §2 */
function keyStorage(opts: SetupMixTunnelOpts): KeyStorage | undefined {
  const asked = opts.clientId !== undefined || opts.storagePassphrase !== undefined;
  if (opts.ephemeral ?? !asked) return undefined;
  return {
    clientId: opts.clientId ?? DEFAULT_CLIENT_ID,
    passphrase: opts.storagePassphrase,
    directory: opts.storageDirectory,
  };
}

function list(value: string | string[]): string[] {
  return typeof value === 'string' ? [value] : value;
}

/** @throws RangeError when a pin is not the base64 of 32 bytes. */
function tlsPins(pins: Record<string, string[]>): [string, Uint8Array][] {
  return Object.entries(pins).flatMap(([host, digests]) =>
    digests.map((digest): [string, Uint8Array] => {
      const text = digest.replace(/^sha256\//, '');
      const bytes = /^[A-Za-z0-9+/]{43}=$/.test(text) ? atob(text) : undefined;
      if (bytes?.length !== 32) {
        throw new RangeError(`tlsPins.${host}: expected base64 of a SHA-256, got ${digest}`);
      }
      return [host.toLowerCase(), Uint8Array.from(bytes, (char) => char.charCodeAt(0))];
    }),
  );
}

/** What of the public options the engine reads, with the defaults that are TypeScript's to know. */
export function engineOptions(opts: SetupMixTunnelOpts): EngineOptions {
  checkOptions(opts);
  const reconnect = typeof opts.reconnect === 'object' ? opts.reconnect : {};
  return {
    nymApiUrls: opts.nymApiUrl === undefined ? [...MAINNET_API_URLS] : list(opts.nymApiUrl),
    preferredIpr: opts.preferredIpr,
    preferredGateway: opts.preferredGateway,
    exit: opts.exit,
    forceTls: opts.forceTls,
    disablePoissonTraffic: opts.disablePoissonTraffic,
    disableCoverTraffic: opts.disableCoverTraffic,
    useLegacySphinxFormat: opts.useLegacySphinxFormat,
    openReplySurbs: opts.openReplySurbs,
    dataReplySurbs: opts.dataReplySurbs,
    primaryDns: opts.primaryDns,
    fallbackDns: opts.fallbackDns,
    connectTimeoutMs: opts.connectTimeoutMs,
    dnsTimeoutMs: opts.dnsTimeoutMs,
    tcpKeepaliveMs: opts.tcpKeepaliveMs,
    tcpBufferSize: opts.tcpBufferSize,
    maxRedirects: opts.maxRedirects,
    iprKeepaliveMs: opts.iprKeepaliveMs,
    mtu: opts.mtu,
    extraRoots: opts.extraRoots === undefined ? undefined : list(opts.extraRoots).join('\n'),
    tlsPins: opts.tlsPins && tlsPins(opts.tlsPins),
    reconnect: opts.reconnect !== false,
    reconnectMaxAttempts: reconnect.maxAttempts,
    reconnectMinDelayMs: reconnect.minDelayMs,
    reconnectMaxDelayMs: reconnect.maxDelayMs,
    trafficPreset: opts.traffic?.preset,
    averagePacketDelayMs: opts.traffic?.averagePacketDelayMs,
    averageAckDelayMs: opts.traffic?.averageAckDelayMs,
    messageSendingAverageDelayMs: opts.traffic?.messageSendingAverageDelayMs,
    loopCoverAverageDelayMs: opts.traffic?.loopCoverTrafficAverageDelayMs,
    debug: opts.debug,
    keys: keyStorage(opts),
  };
}
