// The wasm module as wasm/bindings.cpp exports it.
import type {
  EngineStats,
  ErrorFields,
  FailurePhase,
  FetchTiming,
  MessageRequest,
  PathInfo,
} from './protocol.ts';
import type { ChannelCommand, ChannelNews, ChannelRequest } from './channels.ts';
import type { TunnelStateName, TunnelStep } from './protocol.ts';

/** What a turn asks of the host or tells it. */
export type EngineAction =
  | { kind: 'openLink'; link: number; url: string }
  | { kind: 'sendOnLink'; link: number; data: string | Uint8Array<ArrayBuffer> }
  | { kind: 'closeLink'; link: number }
  | { kind: 'getFromDirectory'; request: number; url: string }
  | {
      kind: 'stateChanged';
      state: TunnelStateName;
      step?: Exclude<TunnelStep, 'worker'>;
      attempt: number;
      error?: ErrorFields;
    }
  | {
      kind: 'fetchHead';
      job: number;
      status: number;
      reason: Uint8Array;
      headers: [Uint8Array, Uint8Array][];
      url: string;
      redirected: boolean;
    }
  | { kind: 'fetchChunk'; job: number; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'fetchBodyWanted'; job: number; attempt: number; bytes: number }
  | { kind: 'fetchUploaded'; job: number; bytes: number }
  | {
      kind: 'fetchRedirected';
      job: number;
      from: string;
      to: string;
      setCookies: [Uint8Array, Uint8Array][];
    }
  | { kind: 'fetchEnd'; job: number; timing: FetchTiming }
  | {
      kind: 'jobFailed';
      job: number;
      error: ErrorFields;
      phase: FailurePhase;
      retryable: boolean;
    }
  | { kind: 'channelEvent'; job: number; news: ChannelNews }
  | { kind: 'lookupFinished'; job: number; addresses: string[] }
  | { kind: 'mixMessage'; data: Uint8Array<ArrayBuffer>; senderTag?: string }
  | { kind: 'messageConfirmed'; job: number }
  | { kind: 'saveKeys'; record: Uint8Array<ArrayBuffer> }
  | { kind: 'warning'; error: ErrorFields };

export type Started = { ok: true; job: number } | { ok: false; error: ErrorFields };
export type Done = { ok: true } | { ok: false; error: ErrorFields };

export interface WasmEngine {
  /** `stored` is absent when the keys live in memory only; an empty store has no `record`. */
  start(stored: { record?: Uint8Array; passphrase?: Uint8Array } | undefined): Done;
  shutdown(): void;
  linkOpened(link: number): void;
  linkText(link: number, text: string): void;
  linkBinary(link: number, bytes: Uint8Array): void;
  linkClosed(link: number): void;
  linkBuffered(link: number, bytes: number): void;
  directoryAnswer(request: number, status: number, body: Uint8Array): void;
  directoryFailed(request: number): void;
  startFetch(request: object): Started;
  fetchConsumed(job: number, bytes: number): Done;
  fetchBody(job: number, attempt: number, piece: Uint8Array): void;
  fetchBodyEnd(job: number, attempt: number): void;
  fetchGoOn(job: number, cookie: Uint8Array | undefined): void;
  startLookup(host: string): Started;
  sendMessage(message: MessageRequest): Started;
  openChannel(request: ChannelRequest): Started;
  command(channel: number, command: ChannelCommand): Done;
  clearDnsCache(): void;
  cancel(job: number): void;
  wake(): void;
  switchExit(ipr: string | undefined): Done;
  /** `deadline` in performance.now() milliseconds; absent when only inputs matter. */
  turn(): { actions: EngineAction[]; deadline?: number };
  state(): TunnelStateName;
  info(): PathInfo | undefined;
  stats(): EngineStats;
  delete(): void;
}

export type LogSink = ((event: string, value: number) => void) | undefined;

export interface MixwebModule {
  /** `resolveUrl` must not throw: an exception would not find its way through the module. */
  Engine: new (
    options: object,
    log: LogSink,
    resolveUrl: (base: string, reference: Uint8Array) => string | undefined,
  ) => WasmEngine;
}

/** Emscripten's factory (build output mixweb.mjs). */
export type CreateMixweb = (overrides: {
  instantiateWasm?: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ) => object;
  locateFile?: (name: string) => string;
  onAbort?: (what: unknown) => void;
}) => Promise<MixwebModule>;
