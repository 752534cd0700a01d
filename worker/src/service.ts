// The worker's Comlink object: the mixweb calls and, on top of them, the reference's worker
// interface. One tunnel at a time; a new one may follow an ended one.
import * as Comlink from 'comlink';

import { ReferenceSockets, type WsEventCallback } from './reference-sockets.ts';
import {
  asciiName,
  withAsciiName,
  isLast,
  transferOf,
  type ChannelControl,
  type ChannelNews,
  type ChannelRequest,
} from './channels.ts';
import { EarlyCalls } from './directory-calls.ts';
import { EngineHost, type Platform } from './engine-host.ts';
import type { CreateMixweb } from './engine-module.ts';
import { blockedPort } from './blocked-ports.ts';
import { errorFields } from './errors.ts';
import { engineOptions, type SetupMixTunnelOpts } from './options.ts';
import type {
  EngineOptions,
  ErrorFields,
  FetchControl,
  FetchMessage,
  FetchRequest,
  MessageNews,
  MessageRequest,
  MixFetchResponseInit,
  Outcome,
  PathInfo,
  StateNews,
  WarningNews,
  WasmSource,
  WorkerApi,
  WorkerStats,
} from './protocol.ts';
import { tunnelState, type TunnelState } from './state.ts';

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

const NOT_READY: ErrorFields = errorFields('NOT_READY', 'tunnel not ready: shutdown');

function refusedPort(url: string): ErrorFields | undefined {
  const port = blockedPort(url);
  if (port === undefined) return undefined;
  const extra = { phase: 'request', retryable: true } as const;
  return errorFields('BAD_URL', `URL error: the port ${port} is blocked`, extra);
}

/** The members of a fetch init that the reference's worker reads. */
function plainRequest(url: string, init: unknown): FetchRequest {
  const given = (init ?? {}) as { method?: unknown; headers?: unknown; body?: unknown };
  const { body } = given;
  const bytes =
    typeof body === 'string'
      ? new TextEncoder().encode(body)
      : body instanceof ArrayBuffer
        ? new Uint8Array(body)
        : body;
  if (bytes !== undefined && bytes !== null && !(bytes instanceof Uint8Array)) {
    throw new Error(
      'HTTP error: unsupported body type (expected string, Uint8Array, or ArrayBuffer)',
    );
  }
  const headers = Object.entries((given.headers ?? {}) as Record<string, string>);
  const method = typeof given.method === 'string' ? given.method : 'GET';
  return { url, method, headers, body: bytes ?? undefined };
}

export class TunnelService implements WorkerApi, IMixTunnelWorker {
  readonly #createMixweb: CreateMixweb;
  readonly #platform: Platform;
  readonly #listeners = new Set<(news: StateNews) => void>();
  /** Settles when everybody has heard the latest news. */
  #heard: Promise<unknown> = Promise.resolve();
  #onWarning: ((warning: WarningNews) => void) | undefined;
  #onMessage: ((message: MessageNews) => void) | undefined;
  #wasm: WebAssembly.Module | undefined;
  #host: EngineHost | undefined;
  #earlyCalls: EarlyCalls | undefined;
  readonly #sockets = new ReferenceSockets();
  #state: TunnelState = { state: 'connecting' };
  #wasReady = false;

  constructor(createMixweb: CreateMixweb, platform: Platform) {
    this.#createMixweb = createMixweb;
    this.#platform = platform;
  }

  async load(wasm: WasmSource): Promise<Outcome<void>> {
    try {
      if (wasm instanceof WebAssembly.Module) {
        this.#wasm = wasm;
      } else {
        const bytes = typeof wasm === 'string' ? await this.#platform.unpackModule(wasm) : wasm;
        this.#wasm = await WebAssembly.compile(bytes);
      }
      return { ok: true, value: undefined };
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      return {
        ok: false,
        error: errorFields('SETUP_FAILED', `tunnel error: the wasm module does not load: ${what}`),
      };
    }
  }

  expectSetUp(options: EngineOptions): Promise<void> {
    const { fetch, directoryCalls } = this.#platform;
    const [directory] = options.nymApiUrls;
    this.#earlyCalls?.drop();
    if (directory !== undefined) {
      const { always, exit } = directoryCalls;
      const paths = options.exit === false ? always : [...always, ...exit];
      this.#earlyCalls = new EarlyCalls(fetch, directory, paths);
    }
    return Promise.resolve();
  }

  onState(listener: (news: StateNews) => void): Promise<void> {
    this.#listeners.add(listener);
    return Promise.resolve();
  }

  onMessage(listener: (message: MessageNews) => void): Promise<void> {
    this.#onMessage = listener;
    return Promise.resolve();
  }

  onWarning(listener: (warning: WarningNews) => void): Promise<void> {
    this.#onWarning = listener;
    return Promise.resolve();
  }

  /** Resolves when the tunnel is ready, or with the reason why it will not be. */
  async setUp(options: EngineOptions): Promise<Outcome<void>> {
    const wasm = this.#wasm;
    if (wasm === undefined) {
      return { ok: false, error: errorFields('SETUP_FAILED', 'tunnel error: no wasm module') };
    }
    this.#host?.shutDown();
    this.#wasReady = false;
    return new Promise((resolve) => {
      let settled = false;
      const settle = (outcome: Outcome<void>): void => {
        settled = true;
        resolve(outcome);
      };
      const onState = (news: StateNews): void => {
        this.#wasReady ||= news.state === 'ready';
        this.#state = tunnelState(news, this.#wasReady);
        const tell = async (listener: (news: StateNews) => void): Promise<void> => listener(news);
        this.#heard = Promise.allSettled(Array.from(this.#listeners, tell));
        if (settled) return;
        if (news.state === 'ready') {
          // Whoever leaves at once shall find the same address again.
          const saved = this.#host?.keysSaved() ?? Promise.resolve();
          void saved.then(() => settle({ ok: true, value: undefined }));
        }
        if (news.state === 'failed' || news.state === 'shutdown') {
          const fallback = errorFields('ABORTED', 'tunnel error: the tunnel was shut down');
          settle({ ok: false, error: { ...(news.error ?? fallback), phase: 'setup' } });
        }
      };
      const listeners = {
        state: onState,
        message: (message: MessageNews): void => {
          this.#onMessage?.(Comlink.transfer(message, [message.data.buffer]));
        },
        warning: (error: ErrorFields): void => {
          this.#onWarning?.({ error, at: Date.now() });
        },
      };
      const early = this.#earlyCalls;
      this.#earlyCalls = undefined;
      EngineHost.create(this.#createMixweb, wasm, options, this.#platform, listeners, early).then(
        async (host) => {
          this.#host = host;
          const started = await host.start();
          if (!started.ok) {
            settle({ ok: false, error: { ...started.error, phase: 'setup' } });
          }
        },
        (cause: unknown) => {
          const what = cause instanceof Error ? cause.message : String(cause);
          const message = `tunnel error: the wasm module does not start: ${what}`;
          settle({ ok: false, error: errorFields('SETUP_FAILED', message, { phase: 'setup' }) });
        },
      );
    });
  }

  async shutDown(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    host?.shutDown();
    await host?.keysSaved();
    // News go by channels of their own: no 'shutting_down' after the answer to this call.
    await this.#heard;
  }

  fetch(request: FetchRequest, port: MessagePort): Promise<void> {
    const tell = (message: FetchMessage): void => {
      if (message.kind === 'chunk') port.postMessage(message, [message.bytes.buffer]);
      else port.postMessage(message);
      if (message.kind === 'end' || message.kind === 'failed') port.close();
    };
    if (this.#host === undefined) {
      tell({ kind: 'failed', error: NOT_READY });
      return Promise.resolve();
    }
    const refusal = refusedPort(request.url);
    if (refusal) {
      tell({ kind: 'failed', error: refusal });
      return Promise.resolve();
    }
    const control = this.#host.startFetch(request, tell);
    port.onmessage = (event: MessageEvent<FetchControl>): void => {
      control(event.data);
      if (event.data.kind === 'cancel') port.close();
    };
    return Promise.resolve();
  }

  openChannel(request: ChannelRequest, port: MessagePort): Promise<void> {
    const tell = (news: ChannelNews): void => {
      port.postMessage(news, transferOf(news));
      if (isLast(news)) port.close();
    };
    if (this.#host === undefined) {
      tell({ kind: 'failed', error: NOT_READY });
      return Promise.resolve();
    }
    const refusal = request.kind === 'webSocket' ? refusedPort(request.url) : undefined;
    if (refusal) {
      tell({ kind: 'failed', error: refusal });
      return Promise.resolve();
    }
    const control = this.#host.openChannel(withAsciiName(request), tell);
    port.onmessage = (event: MessageEvent<ChannelControl>): void => {
      if (event.data.kind === 'cancel') {
        control.cancel();
        port.close();
      } else {
        control.command(withAsciiName(event.data));
      }
    };
    return Promise.resolve();
  }

  clearDnsCache(): Promise<void> {
    this.#host?.clearDnsCache();
    return Promise.resolve();
  }

  lookup(host: string): Promise<Outcome<string[]>> {
    if (this.#host === undefined) return Promise.resolve({ ok: false, error: NOT_READY });
    return this.#host.lookup(host);
  }

  sendMessage(id: number, message: MessageRequest): Promise<Outcome<void>> {
    if (this.#host === undefined) return Promise.resolve({ ok: false, error: NOT_READY });
    return this.#host.sendMessage(id, message);
  }

  cancelMessage(id: number): Promise<void> {
    this.#host?.cancelMessage(id);
    return Promise.resolve();
  }

  wake(): Promise<void> {
    this.#host?.wake();
    return Promise.resolve();
  }

  switchExit(ipr?: string): Promise<Outcome<void>> {
    return Promise.resolve(this.#host?.switchExit(ipr) ?? { ok: false, error: NOT_READY });
  }

  info(): Promise<PathInfo | undefined> {
    return Promise.resolve(this.#host?.info());
  }

  stats(): Promise<WorkerStats | undefined> {
    return Promise.resolve(this.#host?.stats());
  }

  // --- the reference's worker interface ---

  async setupMixTunnel(opts: SetupMixTunnelOpts = {}): Promise<void> {
    const outcome = await this.setUp(engineOptions(opts));
    if (!outcome.ok) throw new Error(outcome.error.message);
  }

  disconnectMixTunnel(): Promise<void> {
    return this.shutDown();
  }

  getTunnelState(): Promise<TunnelState> {
    return Promise.resolve(this.#state);
  }

  mixFetch(url: string, init: unknown): Promise<MixFetchResponseInit> {
    const request = plainRequest(url, init);
    const host = this.#host;
    if (host === undefined) return Promise.reject(new Error(NOT_READY.message));
    return new Promise((resolve, reject) => {
      const answer: MixFetchResponseInit = {
        body: new Uint8Array(),
        status: 0,
        statusText: '',
        headers: [],
      };
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      const control = host.startFetch(request, (message) => {
        if (message.kind === 'head') {
          answer.status = message.status;
          answer.statusText = message.reason;
          answer.headers = message.headers;
        } else if (message.kind === 'chunk') {
          chunks.push(message.bytes as Uint8Array<ArrayBuffer>);
          // The whole body is wanted: nothing to hold back.
          queueMicrotask(() => control({ kind: 'consumed', bytes: message.bytes.byteLength }));
        } else if (message.kind === 'end') {
          void new Blob(chunks).arrayBuffer().then((body) => {
            resolve({ ...answer, body: new Uint8Array(body) });
          }, reject);
        } else if (message.kind === 'failed') {
          reject(new Error(message.error.message));
        }
      });
    });
  }

  mixDNS(hostname: string): Promise<string> {
    const host = this.#host;
    if (host === undefined) return Promise.reject(new Error(NOT_READY.message));
    return new Promise((resolve, reject) => {
      const name = asciiName(hostname);
      host.openChannel({ kind: 'dns', what: 'addresses', name }, (news) => {
        if (news.kind === 'failed') reject(new Error(news.error.message));
        else if (news.kind === 'addresses') resolve(news.addresses[0]?.address ?? '');
      });
    });
  }

  async mixWebSocket(
    url: string,
    protocols: string[] | undefined,
    onEvent: WsEventCallback,
  ): Promise<number> {
    if (this.#host === undefined) throw new Error(NOT_READY.message);
    return this.#sockets.open(this.#host, url, protocols ?? [], onEvent);
  }

  async wsSend(handleId: number, data: string | Uint8Array | ArrayBuffer): Promise<void> {
    this.#sockets.send(handleId, data);
  }

  async wsClose(handleId: number, code: number, reason: string): Promise<void> {
    this.#sockets.close(handleId, code, reason);
  }
}
