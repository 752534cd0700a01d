interface EventSource$1 {
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: {}): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: {},
  ): void;
}
interface Endpoint extends EventSource$1 {
  postMessage(message: any, transfer?: Transferable[]): void;
  start?: () => void;
}
declare const proxyMarker: unique symbol;
declare const createEndpoint: unique symbol;
declare const releaseProxy: unique symbol;
interface ProxyMarked {
  [proxyMarker]: true;
}
type Promisify<T> = T extends Promise<unknown> ? T : Promise<T>;
type Unpromisify<P> = P extends Promise<infer T> ? T : P;
type RemoteProperty<T> = T extends Function | ProxyMarked ? Remote<T> : Promisify<T>;
type LocalProperty<T> = T extends Function | ProxyMarked ? Local<T> : Unpromisify<T>;
type ProxyOrClone<T> = T extends ProxyMarked ? Remote<T> : T;
type UnproxyOrClone<T> = T extends RemoteObject<ProxyMarked> ? Local<T> : T;
type RemoteObject<T> = {
  [P in keyof T]: RemoteProperty<T[P]>;
};
type LocalObject<T> = {
  [P in keyof T]: LocalProperty<T[P]>;
};
interface ProxyMethods {
  [createEndpoint]: () => Promise<MessagePort>;
  [releaseProxy]: () => void;
}
type Remote<T> = RemoteObject<T> &
  (T extends (...args: infer TArguments) => infer TReturn
    ? (
        ...args: {
          [I in keyof TArguments]: UnproxyOrClone<TArguments[I]>;
        }
      ) => Promisify<ProxyOrClone<Unpromisify<TReturn>>>
    : unknown) &
  (T extends {
    new (...args: infer TArguments): infer TInstance;
  }
    ? {
        new (
          ...args: {
            [I in keyof TArguments]: UnproxyOrClone<TArguments[I]>;
          }
        ): Promisify<Remote<TInstance>>;
      }
    : unknown) &
  ProxyMethods;
type MaybePromise<T> = Promise<T> | T;
type Local<T> = Omit<LocalObject<T>, keyof ProxyMethods> &
  (T extends (...args: infer TArguments) => infer TReturn
    ? (
        ...args: {
          [I in keyof TArguments]: ProxyOrClone<TArguments[I]>;
        }
      ) => MaybePromise<UnproxyOrClone<Unpromisify<TReturn>>>
    : unknown) &
  (T extends {
    new (...args: infer TArguments): infer TInstance;
  }
    ? {
        new (
          ...args: {
            [I in keyof TArguments]: ProxyOrClone<TArguments[I]>;
          }
        ): MaybePromise<Local<Unpromisify<TInstance>>>;
      }
    : unknown);
export declare function proxy<T extends {}>(obj: T): T & ProxyMarked;
export type DnsTransport = 'udp' | 'tcp' | 'tls' | 'https';
interface DnsChannelRequest {
  kind: 'dns';
  what: 'addresses' | 'records' | 'reverse';
  name: string;
  type?: string | undefined;
  family?: 4 | 6 | undefined;
  noCache?: boolean | undefined;
  transport?: DnsTransport | undefined;
  server?: string | undefined;
  timeoutMs?: number | undefined;
}
interface WebSocketChannelRequest {
  kind: 'webSocket';
  url: string;
  protocols: string[];
  headers: [string, string][];
  origin?: string | undefined;
  perMessageDeflate?: boolean | undefined;
  handshakeTimeoutMs?: number | undefined;
  pingIntervalMs?: number | undefined;
  pongTimeoutMs?: number | undefined;
  maxMessageSize?: number | undefined;
}
export interface TlsChannelOptions {
  serverName?: string | undefined;
  alpn: string[];
}
interface TcpChannelRequest {
  kind: 'tcp';
  host: string;
  port: number;
  tls?: TlsChannelOptions | undefined;
  timeoutMs?: number | undefined;
}
export type ChannelRequest =
  | DnsChannelRequest
  | WebSocketChannelRequest
  | TcpChannelRequest
  | {
      kind: 'udp';
    };
export type ChannelCommand =
  /** UTF-8. */
  | {
      kind: 'text';
      data: Uint8Array;
    }
  | {
      kind: 'binary';
      data: Uint8Array;
    }
  | {
      kind: 'ping';
      data: Uint8Array;
    }
  | {
      kind: 'wsClose';
      code?: number | undefined;
      reason: string;
    }
  | {
      kind: 'write';
      data: Uint8Array;
    }
  | {
      kind: 'datagram';
      data: Uint8Array;
      host: string;
      port: number;
    }
  | {
      kind: 'startTls';
      tls: TlsChannelOptions;
    }
  | {
      kind: 'endWriting';
    }
  | {
      kind: 'socketClose';
    }
  /** The reader took a message or datagram of that many bytes, or so many of a stream. */
  | {
      kind: 'consumed';
      size: number;
    };
interface DnsAddress {
  address: string;
  family: 4 | 6;
  ttlMs: number;
}
export type ChannelNews =
  | {
      kind: 'addresses';
      addresses: DnsAddress[];
    }
  | {
      kind: 'records';
      records: unknown[];
      canonicalName: string;
      ttlMs: number;
      server: string;
      authenticated: boolean;
      fromCache: boolean;
    }
  | {
      kind: 'wsOpen';
      protocol: string;
      extensions: string;
    }
  | {
      kind: 'text';
      data: string;
      size: number;
    }
  | {
      kind: 'binary';
      data: Uint8Array<ArrayBuffer>;
    }
  /** What the TCP buffer took; of a UDP socket: one datagram. */
  | {
      kind: 'sent';
      size: number;
    }
  | {
      kind: 'pong';
      data: Uint8Array<ArrayBuffer>;
    }
  | {
      kind: 'wsClose';
      code: number;
      reason: string;
      wasClean: boolean;
      error?: ErrorFields;
    }
  | {
      kind: 'socketOpen';
      address: string;
      port: number;
      alpn: string;
    }
  | {
      kind: 'bytes';
      data: Uint8Array<ArrayBuffer>;
    }
  | {
      kind: 'ended';
    }
  | {
      kind: 'datagram';
      data: Uint8Array<ArrayBuffer>;
      address: string;
      port: number;
    }
  | {
      kind: 'socketClosed';
    }
  /** A command was refused, for instance because too much is queued; the channel goes on. */
  | {
      kind: 'refused';
      error: ErrorFields;
    }
  | {
      kind: 'failed';
      error: ErrorFields;
    };
/** Names of the tunnel's life cycle. spec: api part 1 §1 */
export type TunnelStateName = 'connecting' | 'ready' | 'shutting_down' | 'shutdown' | 'failed';
/** Steps of a set-up or reconnection, in order. spec: api part 2 §2 */
export type TunnelStep =
  'worker' | 'keys' | 'directory' | 'gateway' | 'register' | 'topology' | 'exit' | 'ready';
/** Where in an exchange something failed. */
export type FailurePhase = 'setup' | 'dns' | 'connect' | 'tls' | 'request' | 'response';
interface ErrorFields {
  code: string;
  message: string;
  /** Stable identifier of the precise cause, e.g. "tls_cert_expired". */
  name?: string;
  errorClass?: string;
  detail?: number;
  phase?: FailurePhase;
  retryable?: boolean;
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
  | {
      kind: 'chunk';
      bytes: Uint8Array;
    }
  /** That many more bytes of the request's body; a new attempt begins at its beginning. */
  | {
      kind: 'bodyWanted';
      attempt: number;
      bytes: number;
    }
  | {
      kind: 'uploaded';
      bytes: number;
    }
  /** A redirect waits for 'goOn'. Field values hold one byte per character. */
  | {
      kind: 'redirected';
      from: string;
      to: string;
      setCookies: string[];
    }
  | {
      kind: 'end';
      timing: FetchTiming;
    }
  | {
      kind: 'failed';
      error: ErrorFields;
    };
/** From the page over a fetch's MessagePort. */
export type FetchControl =
  | {
      kind: 'consumed';
      bytes: number;
    }
  | {
      kind: 'body';
      attempt: number;
      bytes: Uint8Array;
    }
  | {
      kind: 'bodyEnd';
      attempt: number;
    }
  | {
      kind: 'goOn';
      cookie?: string | undefined;
    }
  | {
      kind: 'cancel';
    };
interface MessageRequest {
  /** Nym address, or the sender tag (base58) of somebody who gave us reply SURBs. */
  to: string;
  addressing: 'recipient' | 'senderTag';
  data: Uint8Array;
  replySurbs?: number | undefined;
  lane?: 'general' | 'fast' | undefined;
  confirm?: 'acknowledged' | 'queued' | undefined;
  timeoutMs?: number | undefined;
}
interface MessageNews {
  data: Uint8Array<ArrayBuffer>;
  senderTag?: string | undefined;
  /** Milliseconds since 1970. */
  receivedAt: number;
}
interface PathInfo {
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
  surbs: {
    sent: number;
    atExitEstimate: number;
    requested: number;
  };
  ip: {
    packetsOut: number;
    bytesOut: number;
    packetsIn: number;
    bytesIn: number;
    droppedOut: number;
  };
  /** `srttMs`: smoothed over all connections, null before the first sample. */
  tcp: {
    open: number;
    retransmits: number;
    srttMs: number | null;
  };
  /** Requests running, idle connections kept, requests ever. */
  http: {
    active: number;
    pooled: number;
    total: number;
  };
  ws: {
    open: number;
  };
  /** Questions, A and AAAA apart, settled by a kept answer or not. */
  dns: {
    hits: number;
    misses: number;
  };
  /** From a packet to its acknowledgement, over the last 512; null before the first. */
  rtt: {
    minMs: number;
    medianMs: number;
    p95Ms: number;
  } | null;
  memory: {
    wasmBytes: number;
  };
}
/** A fetch's whole answer, for callers of the reference's worker interface. */
export interface MixFetchResponseInit {
  body: Uint8Array;
  status: number;
  statusText: string;
  headers: [string, string][];
}
type WasmSource = WebAssembly.Module | ArrayBuffer | string;
/** What failed; see docs of each code in the README. */
export type MixErrorCode =
  | 'ABORTED'
  | 'ALREADY_SET_UP'
  | 'BAD_BODY'
  | 'BAD_OPTION'
  | 'BAD_SCHEME'
  | 'BAD_URL'
  | 'BODY_TIMEOUT'
  | 'BODY_TOO_LARGE'
  | 'CONNECTION_RESET'
  | 'CONNECT_REFUSED'
  | 'CONNECT_TIMEOUT'
  | 'DECODE'
  | 'DNS_MALFORMED'
  | 'DNS_NOT_FOUND'
  | 'DNS_SERVFAIL'
  | 'DNS_TIMEOUT'
  | 'EXIT_DENIED'
  | 'EXIT_LOST'
  | 'EXIT_POLICY'
  | 'EXIT_TIMEOUT'
  | 'GATEWAY_AUTH'
  | 'GATEWAY_LOST'
  | 'GATEWAY_UNREACHABLE'
  | 'HEADERS_TIMEOUT'
  | 'HTTP_PARSE'
  | 'HTTP_TRUNCATED'
  | 'NOT_READY'
  | 'NO_EXIT'
  | 'REDIRECT'
  | 'SETUP_FAILED'
  | 'SOCKET_CLOSED'
  | 'STORAGE'
  | 'TLS_CERTIFICATE'
  | 'TLS_HANDSHAKE'
  | 'UNDELIVERED'
  | 'WORKER_CRASHED'
  | 'WS_HANDSHAKE'
  | 'WS_PROTOCOL';
/** Precise causes, the `detail` of a MixError. */
export type MixErrorDetail =
  | 'base_truncated'
  | 'base_trailing_bytes'
  | 'base_bad_encoding'
  | 'internal_error'
  | 'usage_not_ready'
  | 'usage_already_set_up'
  | 'usage_stale_handle'
  | 'config_bad_option'
  | 'config_bad_ipr_address'
  | 'config_bad_gateway_identity'
  | 'usage_bad_url'
  | 'usage_bad_scheme'
  | 'usage_bad_body'
  | 'usage_aborted'
  | 'usage_queue_full'
  | 'usage_bad_header'
  | 'usage_bad_method'
  | 'usage_no_exit'
  | 'crypto_weak_key'
  | 'crypto_bad_signature'
  | 'crypto_bad_ciphertext'
  | 'crypto_bad_key'
  | 'sphinx_bad_length'
  | 'sphinx_bad_mac'
  | 'sphinx_bad_payload'
  | 'sphinx_bad_flag'
  | 'sphinx_bad_address'
  | 'sphinx_bad_route'
  | 'sphinx_message_too_long'
  | 'sphinx_bad_surb'
  | 'sphinx_bad_frame'
  | 'directory_unreachable'
  | 'directory_bad_status'
  | 'directory_malformed'
  | 'directory_inconsistent'
  | 'directory_not_routable'
  | 'directory_no_entry'
  | 'directory_no_exit'
  | 'directory_unknown_node'
  | 'directory_timeout'
  | 'gateway_unreachable'
  | 'gateway_closed'
  | 'gateway_old_protocol'
  | 'gateway_refused'
  | 'gateway_bad_handshake'
  | 'gateway_malformed'
  | 'gateway_timeout'
  | 'gateway_out_of_bandwidth'
  | 'gateway_bad_frame'
  | 'gateway_session_in_use'
  | 'gateway_not_registered'
  | 'gateway_clock_skew'
  | 'gateway_stale_login'
  | 'gateway_replaced'
  | 'mixnet_bad_recipient'
  | 'mixnet_bad_message'
  | 'mixnet_bad_fragment'
  | 'mixnet_no_topology'
  | 'mixnet_no_surbs'
  | 'mixnet_unknown_sender'
  | 'mixnet_bad_ack'
  | 'mixnet_message_too_long'
  | 'mixnet_undelivered'
  | 'mixnet_timeout'
  | 'mixnet_empty_reply'
  | 'ipr_malformed'
  | 'ipr_version_unsupported'
  | 'ipr_connect_timeout'
  | 'ipr_connect_denied'
  | 'ipr_disconnected'
  | 'ipr_destination_denied'
  | 'ipr_bad_bundle'
  | 'ipr_packet_too_large'
  | 'ipr_silent'
  | 'net_connect_timeout'
  | 'net_connect_refused'
  | 'net_connection_reset'
  | 'net_closed'
  | 'net_unreachable'
  | 'net_out_of_memory'
  | 'net_bad_address'
  | 'net_connection_lost'
  | 'dns_not_found'
  | 'dns_timeout'
  | 'dns_server_failure'
  | 'dns_malformed'
  | 'dns_bad_name'
  | 'dns_chain_too_long'
  | 'dns_bad_type'
  | 'dns_bad_server'
  | 'dns_no_records'
  | 'tls_handshake'
  | 'tls_cert_expired'
  | 'tls_cert_wrong_host'
  | 'tls_cert_unknown_ca'
  | 'tls_cert_invalid'
  | 'tls_alert'
  | 'tls_bad_record'
  | 'tls_truncated'
  | 'tls_timeout'
  | 'tls_bad_roots'
  | 'tls_pin_mismatch'
  | 'http_bad_response'
  | 'http_head_too_large'
  | 'http_truncated'
  | 'http_headers_timeout'
  | 'http_body_timeout'
  | 'http_too_many_redirects'
  | 'http_redirect_refused'
  | 'http_body_too_large'
  | 'http_empty_response'
  | 'http_timeout'
  | 'http_redirect_loop'
  | 'http_bad_coding'
  | 'http_coding_bomb'
  | 'http2_protocol'
  | 'http2_stream_reset'
  | 'http2_refused'
  | 'http2_wants_http1'
  | 'tunnel_setup_timeout'
  | 'tunnel_shut_down'
  | 'storage_failed'
  | 'storage_corrupt'
  | 'storage_wrong_passphrase'
  | 'ws_bad_handshake'
  | 'ws_protocol'
  | 'ws_bad_utf8'
  | 'ws_message_too_big'
  | 'ws_connection_lost'
  | 'ws_handshake_timeout'
  | 'ws_bad_option';
/** A failure that a program can act on: switch over `code`, show `message`. */
export declare class MixError extends Error {
  readonly name = 'MixError';
  /** What failed. */
  readonly code: MixErrorCode;
  /** Precise cause within the code, e.g. `tls_cert_expired`; stable. */
  readonly detail: string | undefined;
  /** How far the operation had come. */
  readonly phase: FailurePhase | undefined;
  /** True only when no byte of the request can have reached the server. */
  readonly retryable: boolean;
  constructor(
    code: MixErrorCode,
    message: string,
    extra?: {
      cause?: unknown;
      detail?: string | undefined;
      phase?: FailurePhase | undefined;
      retryable?: boolean | undefined;
    },
  );
  /** Recognises errors of another bundled copy of this package, too. */
  static [Symbol.hasInstance](value: unknown): boolean;
  /** Rebuilds an error that crossed from the worker. */
  static from(fields: ErrorFields): MixError;
}
/** A store of cookies. Both calls may be slow; a cookie that the jar refuses is no failure. */
export interface CookieJar {
  /** Value of the Cookie field for a request, perhaps empty. */
  getCookies(url: string): Promise<string>;
  /** One Set-Cookie field of a response from `url`. */
  setCookie(header: string, url: string): Promise<void>;
}
/** A jar of the tough-cookie package, or one that looks like it. */
export interface ToughCookieJar {
  getCookieString(url: string): Promise<string>;
  setCookie(
    header: string,
    url: string,
    options?: {
      ignoreError?: boolean;
    },
  ): Promise<unknown>;
}
type CookieStore$1 = CookieJar | ToughCookieJar;
/** How failures of the transport reject: as MixError, or as fetch's TypeError with it as cause. */
export type FetchErrors = 'mix' | 'spec';
/** Options of setupMixTunnel that concern fetches. spec: api part 2 §1, §3 */
export interface FetchSetupOpts {
  /** Default 'mix'. */
  fetchErrors?: FetchErrors;
  /**
   * Keep and send cookies. True: in memory, with the public suffix list, a jar for each isolation
   * key. A jar of your own serves all keys, unless a function gives one for each. Default false.
   */
  cookies?: boolean | CookieStore$1 | ((isolationKey: string) => CookieStore$1);
  /** There is no HTTP cache: anything but undefined is refused. */
  httpCache?: undefined;
}
/** One tunnel's. */
export declare class FetchSettings {
  #private;
  readonly fetchErrors: FetchErrors;
  constructor(opts: FetchSetupOpts);
  get keepsCookies(): boolean;
  /** The jar of an isolation key; `create` makes one where the caller brought none. */
  jar(isolationKey: string, create: () => CookieStore$1): CookieStore$1 | undefined;
}
type TrafficPreset = (typeof TRAFFIC_PRESETS)[number];
declare const TRAFFIC_PRESETS: readonly [
  'fast',
  'noCover',
  'noCoverWithKeepAlive',
  'noPerHopDelays',
  'medium',
];
interface SetupMixTunnelOpts {
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
  reconnect?:
    | boolean
    | {
        maxAttempts?: number;
        minDelayMs?: number;
        maxDelayMs?: number;
      };
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
export type WsEventType = 'open' | 'text' | 'binary' | 'close' | 'error';
/** `data`: open: sub-protocol; text: string; binary: Uint8Array; close: {code, reason}; error: text. */
export type WsEventCallback = (handleId: number, type: WsEventType, data: unknown) => void;
export type TaskName = 'bridge' | 'reactor';
/** Why a tunnel failed; `message` is a sentence for people. */
export type FailureReason = {
  message?: string;
} & (
  | {
      kind: 'task_exited';
      task: TaskName;
    }
  | {
      kind: 'task_panicked';
    }
  | {
      kind: 'gateway_lost';
    }
  | {
      kind: 'exit_lost';
    }
  | {
      kind: 'setup';
      code: string;
    }
);
export interface TunnelConnecting {
  state: 'connecting';
}
export interface TunnelReady {
  state: 'ready';
}
export interface TunnelShuttingDown {
  state: 'shutting_down';
}
export interface TunnelShutdown {
  state: 'shutdown';
}
export interface TunnelFailed {
  state: 'failed';
  reason: FailureReason;
}
export type TunnelState =
  TunnelConnecting | TunnelReady | TunnelShuttingDown | TunnelShutdown | TunnelFailed;
/** The worker interface of the reference packages. spec: api part 1 §1 */
export interface IMixTunnelWorker {
  setupMixTunnel(opts?: SetupMixTunnelOpts): Promise<void>;
  disconnectMixTunnel(): Promise<void>;
  getTunnelState(): Promise<TunnelState>;
  mixFetch(url: string, init: unknown): Promise<MixFetchResponseInit>;
  mixDNS(hostname: string): Promise<string>;
  mixWebSocket(
    url: string,
    protocols: string[] | undefined,
    onEvent: WsEventCallback,
  ): Promise<number>;
  wsSend(handleId: number, data: string | Uint8Array | ArrayBuffer): Promise<void>;
  wsClose(handleId: number, code: number, reason: string): Promise<void>;
}
type Listener = (message: MessageNews) => void;
declare class Inbox {
  #private;
  /** `warn` hears of messages that nobody took in time. */
  constructor(warn: (warning: MixError) => void);
  add(message: MessageNews): void;
  /** The tunnel ended: iterators finish, listeners stay for the next one. */
  end(): void;
  /** The first listener also gets, soon, what came before it. */
  listen(listener: Listener, signal?: AbortSignal): () => void;
  /** Hears messages from now on until `signal`, the loop's end, or the tunnel's end. */
  iterate(signal?: AbortSignal): AsyncIterableIterator<MessageNews>;
}
interface WorkerParts {
  endpoint: Endpoint;
  /** Raw bytes are transferred. */
  wasm: WasmSource;
  /** Calls back once when the worker dies of an uncaught error. */
  onCrash(listener: (what: string) => void): void;
  terminate(): void;
}
type StartWorker = (options: {
  workerUrl?: string | URL | undefined;
  wasmUrl?: string | URL | undefined;
}) => Promise<WorkerParts>;
/** News of the tunnel's life. spec: api part 2 §2 */
export interface TunnelStateEvent {
  state: TunnelStateName;
  step?: TunnelStep;
  /** Counts reconnections; 0 at the first set-up. */
  attempt?: number;
  detail?: string;
  /** Milliseconds since 1970. */
  at: number;
  error?: MixError;
}
/** In `detail` of a 'warning' event: the tunnel works, but not quite as asked. */
export interface TunnelWarning {
  error: MixError;
  /** Milliseconds since 1970. */
  at: number;
}
/** Options of setupMixTunnel. All optional; code for the reference packages runs unchanged. */
interface SetupMixTunnelOpts$1 extends SetupMixTunnelOpts, FetchSetupOpts {
  /** A second set-up while one lives: 'reject' (default) or 'share' when the options agree. */
  reuse?: 'reject' | 'share';
  /** Aborts the set-up. */
  signal?: AbortSignal;
  /** Hears every state and step, from the start of the worker on. */
  onState?: (event: TunnelStateEvent) => void;
  /** Worker script as a same-origin file instead of the inlined one. */
  workerUrl?: string | URL;
  /** Wasm module as a file instead of the inlined one. */
  wasmUrl?: string | URL;
}
/** Who is on the path of the running tunnel. */
export interface TunnelInfo extends PathInfo {
  /** When it became ready, milliseconds since 1970. */
  since: number;
}
/** Called by a facade's fetch: messages of one exchange, in order. */
export interface FetchChannel {
  /** After 'cancel' nothing more is heard. */
  send(control: FetchControl, transfer?: Transferable[]): void;
}
/** Called by a facade: commands of one channel, in order. */
export interface Channel {
  command(command: ChannelCommand, transfer?: Transferable[]): void;
  /** Drops the channel at once; nothing is heard of it any more. */
  cancel(): void;
}
export declare class Tunnel {
  #private;
  readonly events: EventTarget;
  /** Messages from other clients of the mixnet. */
  readonly inbox: Inbox;
  constructor(startWorker: StartWorker);
  get state(): TunnelState;
  /** Undefined while no tunnel lives. */
  get fetches(): FetchSettings | undefined;
  onState(listener: (event: TunnelStateEvent) => void, signal?: AbortSignal): () => void;
  setUp(opts: SetupMixTunnelOpts$1): Promise<void>;
  /** Resolves at once when nothing runs. */
  disconnect(): Promise<void>;
  /** The reference's worker handle; starts a worker when there is none. */
  worker(): Promise<Remote<IMixTunnelWorker>>;
  /** Resolves when the tunnel is ready by another exit; `ipr` names it, else it is a random one. */
  switchExit(ipr?: string): Promise<void>;
  info(): Promise<TunnelInfo>;
  stats(): Promise<TunnelStats>;
  /** Calls `listener` every `intervalMs` while the tunnel works. */
  onStats(
    listener: (stats: TunnelStats) => void,
    intervalMs: number,
    signal?: AbortSignal,
  ): () => void;
  lookup(host: string): Promise<string[]>;
  /** Resolves when the message counts as sent. Rejects with the signal's reason when aborted. */
  sendMessage(request: MessageRequest, signal?: AbortSignal): Promise<void>;
  /** Starts an exchange. `onMessage` hears head, chunks and the end, or one 'failed'. */
  fetch(request: FetchRequest, onMessage: (message: FetchMessage) => void): FetchChannel;
  /** Opens a channel. `onNews` hears everything up to a last one (see isLast). */
  openChannel(request: ChannelRequest, onNews: (news: ChannelNews) => void): Channel;
  clearDnsCache(): Promise<void>;
}
/** Options of every message. */
export interface MixReplyOptions {
  /** Ends the wait, and the sending of what has not left yet. */
  signal?: AbortSignal;
  /** Messages of one lane do not wait for those of the other. Default 'general'. */
  lane?: 'general' | 'fast';
  /** What resolves the promise: all acknowledgements (default), or a place in the queue. */
  confirm?: 'acknowledged' | 'queued';
  /** Then the message is given up with UNDELIVERED, ms. Default 120 000. */
  timeoutMs?: number;
}
export interface MixSendOptions extends MixReplyOptions {
  /** Single-use reply blocks sent along, 0..500: the receiver can answer, and knows the sender by
   *  a pseudonym only. Default 0: no answer is possible. */
  replySurbs?: number;
}
/** A message from another client. */
export interface MixMessage {
  data: Uint8Array;
  /** `data` as UTF-8. */
  text(): string;
  /** Pseudonym of the sender, base58; absent when it sent no reply SURBs. */
  senderTag?: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** Answers by the sender's reply SURBs. */
  reply(data: Uint8Array | string, options?: MixReplyOptions): Promise<void>;
}
/** First message of the worker. */
export declare const EventKinds: {
  readonly Loaded: 'Loaded';
};
export type EventKinds = (typeof EventKinds)[keyof typeof EventKinds];
export interface LoadedEvent {
  kind: typeof EventKinds.Loaded;
  args: {
    loaded: true;
  };
}
export declare const setupMixTunnel: (opts?: SetupMixTunnelOpts$1) => Promise<void>,
  disconnectMixTunnel: () => Promise<void>,
  getTunnelState: () => Promise<TunnelState>,
  getMixTunnel: () => Promise<Remote<IMixTunnelWorker>>,
  onTunnelState: (
    listener: (event: TunnelStateEvent) => void,
    options?: {
      signal?: AbortSignal;
    },
  ) => () => void,
  getTunnelInfo: () => Promise<TunnelInfo>,
  getTunnelStats: () => Promise<TunnelStats>,
  onTunnelStats: (
    listener: (stats: TunnelStats) => void,
    options?: {
      intervalMs?: number;
      signal?: AbortSignal;
    },
  ) => () => void,
  mixSend: (to: string, data: Uint8Array | string, options?: MixSendOptions) => Promise<void>,
  mixReply: (
    senderTag: string,
    data: Uint8Array | string,
    options?: MixReplyOptions,
  ) => Promise<void>,
  onMixMessage: (
    listener: (message: MixMessage) => void,
    options?: {
      signal?: AbortSignal;
    },
  ) => () => void,
  mixMessages: (options?: { signal?: AbortSignal }) => AsyncIterableIterator<MixMessage>,
  selfAddress: () => Promise<string>,
  deleteStoredKeys: (options?: { clientId?: string; storageDirectory?: string }) => Promise<void>,
  switchExit: (ipr?: string) => Promise<void>,
  sharedTunnel: () => Tunnel;
export declare const tunnelEvents: EventTarget;

export { CookieStore$1 as CookieStore, SetupMixTunnelOpts$1 as SetupMixTunnelOpts };

export {};
