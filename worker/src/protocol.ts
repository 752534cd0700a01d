// What crosses between page and worker, and between worker and wasm module: one set of types,
// shared by both ends, so that a wrong payload does not compile.

import type { ChannelRequest } from './channels.ts';

/** Names of the tunnel's life cycle. spec: api part 1 §1 */
export type TunnelStateName = 'connecting' | 'ready' | 'shutting_down' | 'shutdown' | 'failed';
/** Steps of a set-up or reconnection, in order. spec: api part 2 §2 */
export type TunnelStep =
  'worker' | 'keys' | 'directory' | 'gateway' | 'register' | 'topology' | 'exit' | 'ready';
/** Where in an exchange something failed. */
export type FailurePhase = 'setup' | 'dns' | 'connect' | 'tls' | 'request' | 'response';

/** A failure as plain fields: rebuilt as MixError by whoever shows it. */
export interface ErrorFields {
  code: string;
  message: string;
  /** Stable identifier of the precise cause, e.g. "tls_cert_expired". */
  name?: string;
  errorClass?: string;
  detail?: number;
  phase?: FailurePhase;
  retryable?: boolean;
}

/** Comlink carries only message, name and stack of an error, so calls answer with this. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: ErrorFields };

/** Where a client's keys are kept between set-ups. */
export interface KeyStorage {
  clientId: string;
  passphrase?: string | undefined;
  /** Folder of the records; Node only. */
  directory?: string | undefined;
}

/** Options as the engine reads them; checked and completed by mix-tunnel. */
export interface EngineOptions {
  nymApiUrls: string[];
  preferredIpr?: string | undefined;
  preferredGateway?: string | undefined;
  exit?: boolean | undefined;
  forceTls?: boolean | undefined;
  disablePoissonTraffic?: boolean | undefined;
  disableCoverTraffic?: boolean | undefined;
  useLegacySphinxFormat?: boolean | undefined;
  openReplySurbs?: number | undefined;
  dataReplySurbs?: number | undefined;
  primaryDns?: string | undefined;
  fallbackDns?: string | undefined;
  connectTimeoutMs?: number | undefined;
  dnsTimeoutMs?: number | undefined;
  tcpKeepaliveMs?: number | undefined;
  tcpBufferSize?: number | undefined;
  maxRedirects?: number | undefined;
  iprKeepaliveMs?: number | undefined;
  mtu?: number | undefined;
  extraRoots?: string | undefined;
  /** Host in lower case and SHA-256 of a public key that its chain may have. */
  tlsPins?: [string, Uint8Array][] | undefined;
  reconnect?: boolean | undefined;
  reconnectMaxAttempts?: number | undefined;
  reconnectMinDelayMs?: number | undefined;
  reconnectMaxDelayMs?: number | undefined;
  /** Applied before the single values of traffic. */
  trafficPreset?: string | undefined;
  averagePacketDelayMs?: number | undefined;
  averageAckDelayMs?: number | undefined;
  messageSendingAverageDelayMs?: number | undefined;
  loopCoverAverageDelayMs?: number | undefined;
  debug?: boolean | undefined;
  /** Absent: the keys live in memory only. Read by the host, not by the engine. */
  keys?: KeyStorage | undefined;
}

/** One HTTP request. Header names and values hold one byte per character (ISO-8859-1). */
export interface FetchRequest {
  url: string;
  method: string;
  headers: [string, string][];
  body?: Uint8Array | undefined;
  redirect?: 'follow' | 'manual' | 'error' | undefined;
  maxRedirects?: number | undefined;
  defaultHeaders?: boolean | undefined;
  connectTimeoutMs?: number | undefined;
  headersTimeoutMs?: number | undefined;
  bodyTimeoutMs?: number | undefined;
  timeoutMs?: number | undefined;
  isolationKey?: string | undefined;
  /** Instead of `body`: it is given in answer to 'bodyWanted'. */
  streamed?: StreamedBody | undefined;
  priority?: 'high' | 'low' | 'auto' | undefined;
  /** Remove content codings. Default true. */
  decompress?: boolean | undefined;
  /** Tell redirects, and wait for the cookies of the next request. Default false. */
  cookies?: boolean | undefined;
  /** Tell how much of the body is with the server. Default false. */
  uploadNews?: boolean | undefined;
  /** Bytes of body that may come at most. */
  maxResponseSize?: number | undefined;
}

/** A request body that is handed over piece by piece. */
export interface StreamedBody {
  /** Bytes in all; without it the body is sent chunked. */
  length?: number | undefined;
  /** It can be given once more from its beginning. */
  replayable: boolean;
}

/** Milliseconds since the start of the fetch; phases that did not happen are absent. */
export interface FetchTiming {
  dns?: number;
  connect?: number;
  tls?: number;
  request?: number;
  firstByte?: number;
  end?: number;
  /** The connection had served an earlier request. */
  reused: boolean;
}

/** From the worker over a fetch's MessagePort. */
export type FetchMessage =
  | {
      kind: 'head';
      status: number;
      reason: string;
      headers: [string, string][];
      url: string;
      redirected: boolean;
    }
  | { kind: 'chunk'; bytes: Uint8Array }
  /** That many more bytes of the request's body; a new attempt begins at its beginning. */
  | { kind: 'bodyWanted'; attempt: number; bytes: number }
  | { kind: 'uploaded'; bytes: number }
  /** A redirect waits for 'goOn'. Field values hold one byte per character. */
  | { kind: 'redirected'; from: string; to: string; setCookies: string[] }
  | { kind: 'end'; timing: FetchTiming }
  | { kind: 'failed'; error: ErrorFields };

/** From the page over a fetch's MessagePort. */
export type FetchControl =
  | { kind: 'consumed'; bytes: number }
  | { kind: 'body'; attempt: number; bytes: Uint8Array }
  | { kind: 'bodyEnd'; attempt: number }
  | { kind: 'goOn'; cookie?: string | undefined }
  | { kind: 'cancel' };

/** A message to another client of the mixnet. */
export interface MessageRequest {
  /** Nym address, or the sender tag (base58) of somebody who gave us reply SURBs. */
  to: string;
  addressing: 'recipient' | 'senderTag';
  data: Uint8Array;
  replySurbs?: number | undefined;
  lane?: 'general' | 'fast' | undefined;
  confirm?: 'acknowledged' | 'queued' | undefined;
  timeoutMs?: number | undefined;
}

/** A message from another client, pushed to the page. */
export interface MessageNews {
  data: Uint8Array<ArrayBuffer>;
  senderTag?: string | undefined;
  /** Milliseconds since 1970. */
  receivedAt: number;
}

/** News of the tunnel, pushed to the page. */
export interface StateNews {
  state: TunnelStateName;
  step?: TunnelStep | undefined;
  attempt: number;
  error?: ErrorFields | undefined;
  /** Milliseconds since 1970. */
  at: number;
}

/** News that are no state, pushed to the page. */
export interface WarningNews {
  error: ErrorFields;
  /** Milliseconds since 1970. */
  at: number;
}

/** Who is on the path. */
export interface PathInfo {
  address: string;
  gateway: string;
  /** Nym address of the exit; empty without one. */
  exit: string;
  /** Of the exit's protocol; with `ipv4`, `ipv6` and `mtu` absent without an exit. */
  exitVersion?: 9 | 10;
  ipv4?: string;
  ipv6?: string;
  mtu?: number;
}

/** What the tunnel has done since its set-up, and what it holds now. spec: api part 2 §7 */
export interface TunnelStats {
  /** Since the tunnel was ready first. */
  uptimeMs: number;
  /** How long each step of the set-up took, ms; `ready` is the whole. */
  setup: Record<TunnelStep, number>;
  /** Mixnet packets. */
  sphinx: {
    sentReal: number;
    /** Cover in place of a real packet of the main stream, and loop cover. */
    sentCover: number;
    sentLoop: number;
    /** Acknowledgement packets sent along: one inside of every packet. */
    sentAcks: number;
    /** Packets for us, cover included; acknowledgements are not counted. */
    received: number;
    retransmitted: number;
    /** Fragments given up. */
    lost: number;
    /** Packets that wait for their turn. */
    queue: number;
  };
  /** Reply SURBs: made for others, still at the exit by our estimate, asked for by others. */
  surbs: { sent: number; atExitEstimate: number; requested: number };
  ip: {
    packetsOut: number;
    bytesOut: number;
    packetsIn: number;
    bytesIn: number;
    droppedOut: number;
  };
  /** `srttMs`: smoothed over all connections, null before the first sample. */
  tcp: { open: number; retransmits: number; srttMs: number | null };
  /** Requests running, idle connections kept, requests ever. */
  http: { active: number; pooled: number; total: number };
  ws: { open: number };
  /** Questions, A and AAAA apart, settled by a kept answer or not. */
  dns: { hits: number; misses: number };
  /** From a packet to its acknowledgement, over the last 512; null before the first. */
  rtt: { minMs: number; medianMs: number; p95Ms: number } | null;
  memory: { wasmBytes: number };
}

/** The engine's part of the statistics. */
export type EngineStats = Omit<TunnelStats, 'setup' | 'memory'> & {
  setup: Record<Exclude<TunnelStep, 'worker'>, number>;
};

/** The worker's part: all but the start of the worker itself. */
export type WorkerStats = EngineStats & Pick<TunnelStats, 'memory'>;

/** A fetch's whole answer, for callers of the reference's worker interface. */
export interface MixFetchResponseInit {
  body: Uint8Array;
  status: number;
  statusText: string;
  headers: [string, string][];
}

/** The wasm module: compiled, its bytes, or the text that the build inlines (tools/build-packages.mjs). */
export type WasmSource = WebAssembly.Module | ArrayBuffer | string;

/** What the worker offers beside the reference's interface. */
export interface WorkerApi {
  /** Tells of the set-up that will follow, so that its directory calls begin at once. */
  expectSetUp(options: EngineOptions): Promise<void>;
  /** Hands the module over; must come before anything that needs it. */
  load(wasm: WasmSource): Promise<Outcome<void>>;
  onState(listener: (news: StateNews) => void): Promise<void>;
  /** One listener: the page's inbox, which shares the messages out. */
  onMessage(listener: (message: MessageNews) => void): Promise<void>;
  onWarning(listener: (warning: WarningNews) => void): Promise<void>;
  setUp(options: EngineOptions): Promise<Outcome<void>>;
  shutDown(): Promise<void>;
  /** Starts a fetch whose news travel over `port`. */
  fetch(request: FetchRequest, port: MessagePort): Promise<void>;
  lookup(host: string): Promise<Outcome<string[]>>;
  /** Answers when the message counts as sent. `id` is the caller's, for `cancelMessage`. */
  sendMessage(id: number, message: MessageRequest): Promise<Outcome<void>>;
  /** Drops what was not sent yet; its `sendMessage` answers ABORTED. */
  cancelMessage(id: number): Promise<void>;
  /** The page woke up, became visible or came online. */
  wake(): Promise<void>;
  /** Leaves the exit; the state tells when the next one is ready. */
  switchExit(ipr?: string): Promise<Outcome<void>>;
  /** Opens a channel whose news and commands travel over `port`. */
  openChannel(request: ChannelRequest, port: MessagePort): Promise<void>;
  clearDnsCache(): Promise<void>;
  info(): Promise<PathInfo | undefined>;
  stats(): Promise<WorkerStats | undefined>;
}
