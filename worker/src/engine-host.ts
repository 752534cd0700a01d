// Host of one engine: performs what its turns ask (WebSocket, directory calls, one timer) and
// reports back. No protocol byte is looked at here.
import { isLast, type ChannelCommand, type ChannelNews, type ChannelRequest } from './channels.ts';
import { callDirectory, type EarlyCalls } from './directory-calls.ts';
import type {
  CreateMixweb,
  EngineAction,
  LogSink,
  MixwebModule,
  WasmEngine,
} from './engine-module.ts';
import { errorFields } from './errors.ts';
import { FetchJobs, type FetchListener } from './fetch-jobs.ts';
import { KeyKeeper, type KeyStore } from './key-store.ts';
import { resolveLocation } from './location.ts';
import { MessageJobs } from './messages.ts';
import type {
  EngineOptions,
  ErrorFields,
  FetchControl,
  FetchRequest,
  MessageNews,
  MessageRequest,
  Outcome,
  PathInfo,
  StateNews,
  WorkerStats,
} from './protocol.ts';

/** What differs between browsers and Node. */
export interface Platform {
  createWebSocket(url: string): WebSocket;
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Bytes of the module that the build inlined as text. */
  unpackModule(text: string): Promise<ArrayBuffer>;
  /** What an engine asks the directory first, below its base URL; `exit`: only with an exit. */
  directoryCalls: { always: readonly string[]; exit: readonly string[] };
  /** Throws or rejects later where nothing can be stored. */
  openKeyStore(directory: string | undefined): KeyStore;
}

/** Who hears of what the engine tells unasked. */
export interface HostListeners {
  state(news: StateNews): void;
  message(message: MessageNews): void;
  warning(error: ErrorFields): void;
}

const ENDED = errorFields('ABORTED', 'tunnel error: the tunnel was shut down');

type ChannelListener = (news: ChannelNews) => void;
type LookupListener = (outcome: Outcome<string[]>) => void;

export class EngineHost {
  readonly #platform: Platform;
  readonly #tell: HostListeners;
  readonly #module: MixwebModule;
  readonly #memory: WebAssembly.Memory;
  readonly #engine: WasmEngine;
  readonly #links = new Map<number, WebSocket>();
  readonly #fetches = new FetchJobs();
  readonly #channels = new Map<number, ChannelListener>();
  readonly #lookups = new Map<number, LookupListener>();
  readonly #messages = new MessageJobs();
  readonly #keys: KeyKeeper | undefined;
  readonly #directoryCalls = new AbortController();
  readonly #earlyCalls: EarlyCalls | undefined;
  readonly #soon = new MessageChannel();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #inTurn = false;
  #isTurnDue = false;
  #ended = false;
  #crash: ErrorFields | undefined;

  /** Instantiates the module anew: an engine is one wasm instance. */
  static async create(
    createMixweb: CreateMixweb,
    wasm: WebAssembly.Module,
    options: EngineOptions,
    platform: Platform,
    listeners: HostListeners,
    earlyCalls?: EarlyCalls,
  ): Promise<EngineHost> {
    let memory: WebAssembly.Memory | undefined;
    const module = await new Promise<MixwebModule>((resolve, reject) => {
      createMixweb({
        // The glue computes a URL from import.meta.url even when it needs none; blob: has no base.
        locateFile: (name) => name,
        instantiateWasm: (imports, done) => {
          WebAssembly.instantiate(wasm, imports).then((instance) => {
            memory = Object.values(instance.exports).find(
              (value): value is WebAssembly.Memory => value instanceof WebAssembly.Memory,
            );
            done(instance, wasm);
          }, reject); // the glue hears of successes only
          return {};
        },
      }).then(resolve, reject);
    });
    if (memory === undefined) throw new Error('the wasm module exports no memory');
    return new EngineHost(module, memory, options, platform, listeners, earlyCalls);
  }

  private constructor(
    module: MixwebModule,
    memory: WebAssembly.Memory,
    options: EngineOptions,
    platform: Platform,
    listeners: HostListeners,
    earlyCalls: EarlyCalls | undefined,
  ) {
    this.#module = module;
    this.#earlyCalls = earlyCalls;
    this.#memory = memory;
    this.#platform = platform;
    this.#tell = listeners;
    if (options.keys) {
      const warn = (error: ErrorFields): void => this.#tell.warning(error);
      this.#keys = new KeyKeeper(options.keys, (folder) => platform.openKeyStore(folder), warn);
    }
    // eslint-disable-next-line no-console -- tracing is what the caller asked for
    const trace: LogSink = (event, value) => console.debug(`mixweb ${event} ${value}`);
    this.#engine = new this.#module.Engine(
      options,
      options.debug === true ? trace : undefined,
      resolveLocation,
    );
    this.#soon.port1.onmessage = (): void => {
      if (this.#isTurnDue) this.#turn();
    };
  }

  /** Loads stored keys, if any are to be kept, and starts connecting. */
  async start(): Promise<Outcome<void>> {
    const stored = await this.#keys?.load();
    if (this.#ended) return { ok: false, error: ENDED };
    const started = this.#guarded(() => this.#engine.start(stored));
    if (started === undefined) return { ok: false, error: this.#crashError() };
    if (!started.ok) return started;
    this.#turn();
    return { ok: true, value: undefined };
  }

  /** Resolves when the keys are stored, as far as they can be. */
  keysSaved(): Promise<void> {
    return this.#keys?.saved() ?? Promise.resolve();
  }

  /** Ends all jobs, lets the goodbye leave, closes the sockets and frees the engine's timer. */
  shutDown(): void {
    this.#ended = true;
    this.#guarded(() => this.#engine.shutdown());
    this.#turn();
    clearTimeout(this.#timer);
    this.#directoryCalls.abort();
    this.#earlyCalls?.drop();
    this.#soon.port1.close();
    for (const socket of this.#links.values()) socket.close();
    this.#links.clear();
  }

  /** Returns the way to control the fetch. News come to `listener` until 'end' or 'failed'. */
  startFetch(request: FetchRequest, listener: FetchListener): (control: FetchControl) => void {
    const started = this.#guarded(() => this.#engine.startFetch(FetchJobs.toEngine(request)));
    if (started === undefined || !started.ok) {
      const error = started?.error ?? this.#crashError();
      listener({ kind: 'failed', error: { ...error, phase: 'request', retryable: true } });
      return () => undefined;
    }
    const { job } = started;
    this.#fetches.add(job, listener);
    this.#turn();
    return (control) => {
      this.#guarded(() => this.#fetches.control(this.#engine, job, control));
      this.#turn();
    };
  }

  lookup(host: string): Promise<Outcome<string[]>> {
    return new Promise((resolve) => {
      const started = this.#guarded(() => this.#engine.startLookup(host));
      if (started === undefined || !started.ok) {
        resolve({ ok: false, error: started?.error ?? this.#crashError() });
        return;
      }
      this.#lookups.set(started.job, resolve);
      this.#turn();
    });
  }

  /** Resolves when the message counts as sent; `id` is the caller's, for `cancelMessage`. */
  sendMessage(id: number, message: MessageRequest): Promise<Outcome<void>> {
    const started = this.#guarded(() => this.#engine.sendMessage(message));
    if (started === undefined || !started.ok) {
      return Promise.resolve({ ok: false, error: started?.error ?? this.#crashError() });
    }
    const outcome = this.#messages.add(id, started.job);
    this.#turn();
    return outcome;
  }

  cancelMessage(id: number): void {
    const job = this.#messages.cancel(id);
    if (job === undefined) return;
    this.#guarded(() => this.#engine.cancel(job));
    this.#turn();
  }

  /** The page woke up, became visible or came online: the path is looked after at once. */
  wake(): void {
    this.#guarded(() => this.#engine.wake());
    this.#turn();
  }

  switchExit(ipr: string | undefined): Outcome<void> {
    const done = this.#guarded(() => this.#engine.switchExit(ipr));
    this.#turn();
    if (done === undefined) return { ok: false, error: this.#crashError() };
    return done.ok ? { ok: true, value: undefined } : done;
  }

  /** Returns the way to control the channel. News come to `listener` until a last one. */
  openChannel(
    request: ChannelRequest,
    listener: ChannelListener,
  ): { command(command: ChannelCommand): void; cancel(): void } {
    const started = this.#guarded(() => this.#engine.openChannel(request));
    if (started === undefined || !started.ok) {
      const error = started?.error ?? this.#crashError();
      listener({ kind: 'failed', error: { ...error, retryable: true } });
      return { command: () => undefined, cancel: () => undefined };
    }
    const { job } = started;
    this.#channels.set(job, listener);
    this.#turn();
    return {
      command: (command) => {
        // What crosses with the last news is too late, and no mistake.
        if (!this.#channels.has(job)) return;
        const done = this.#guarded(() => this.#engine.command(job, command));
        if (done?.ok === false) listener({ kind: 'refused', error: done.error });
        else if (command.kind === 'datagram')
          listener({ kind: 'sent', size: command.data.byteLength });
        this.#turn();
      },
      cancel: () => {
        if (!this.#channels.delete(job)) return;
        this.#guarded(() => this.#engine.cancel(job));
        this.#turn();
      },
    };
  }

  clearDnsCache(): void {
    this.#guarded(() => this.#engine.clearDnsCache());
  }

  info(): PathInfo | undefined {
    return this.#guarded(() => this.#engine.info());
  }

  stats(): WorkerStats | undefined {
    const stats = this.#guarded(() => this.#engine.stats());
    return stats && { ...stats, memory: { wasmBytes: this.#memory.buffer.byteLength } };
  }

  #crashError(): ErrorFields {
    return this.#crash ?? errorFields('WORKER_CRASHED', 'tunnel error: the engine stopped');
  }

  /** A trap in wasm ends the tunnel: everybody who waits is told, nothing hangs. */
  #guarded<T>(call: () => T): T | undefined {
    if (this.#crash !== undefined) return undefined;
    try {
      return call();
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      this.#crash = errorFields('WORKER_CRASHED', `tunnel error: the engine crashed: ${what}`);
      clearTimeout(this.#timer);
      this.#directoryCalls.abort();
      for (const socket of this.#links.values()) socket.close();
      this.#links.clear();
      this.#fetches.failAll(this.#crash);
      for (const listener of this.#channels.values()) {
        listener({ kind: 'failed', error: this.#crash });
      }
      this.#channels.clear();
      for (const resolve of this.#lookups.values()) resolve({ ok: false, error: this.#crash });
      this.#lookups.clear();
      this.#messages.failAll(this.#crash);
      this.#tell.state({ state: 'failed', attempt: 0, error: this.#crash, at: Date.now() });
      return undefined;
    }
  }

  /** One turn for all that is waiting to be heard now: frames come in swarms. No timer: browsers
      hold those back. */
  #turnSoon(): void {
    if (this.#isTurnDue || this.#ended) return;
    this.#isTurnDue = true;
    this.#soon.port2.postMessage(undefined);
  }

  #turn(): void {
    if (this.#inTurn) {
      this.#turnSoon(); // what an action led to at once is for the next one
      return;
    }
    this.#inTurn = true;
    this.#isTurnDue = false;
    clearTimeout(this.#timer);
    for (const [link, socket] of this.#links) {
      this.#guarded(() => this.#engine.linkBuffered(link, socket.bufferedAmount));
    }
    const result = this.#guarded(() => this.#engine.turn());
    for (const action of result?.actions ?? []) this.#perform(action);
    this.#inTurn = false;
    if (result?.deadline !== undefined) {
      const wait = Math.max(0, result.deadline - performance.now());
      this.#timer = setTimeout(() => this.#turn(), wait);
    }
  }

  #perform(action: EngineAction): void {
    switch (action.kind) {
      case 'openLink':
        this.#openLink(action.link, action.url);
        break;
      case 'sendOnLink': {
        const socket = this.#links.get(action.link);
        if (socket?.readyState === 1) socket.send(action.data);
        break;
      }
      case 'closeLink':
        this.#links.get(action.link)?.close();
        this.#links.delete(action.link);
        break;
      case 'getFromDirectory':
        void this.#getFromDirectory(action.request, action.url);
        break;
      case 'stateChanged':
        this.#tell.state({
          state: action.state,
          step: action.step,
          attempt: action.attempt,
          error: action.error,
          at: Date.now(),
        });
        break;
      case 'fetchHead':
      case 'fetchChunk':
      case 'fetchBodyWanted':
      case 'fetchUploaded':
      case 'fetchRedirected':
      case 'fetchEnd':
        this.#fetches.tell(action);
        break;
      case 'jobFailed': {
        const error: ErrorFields = {
          ...action.error,
          phase: action.phase,
          retryable: action.retryable,
        };
        this.#fetches.fail(action.job, error);
        this.#lookups.get(action.job)?.({ ok: false, error });
        this.#lookups.delete(action.job);
        this.#messages.settle(action.job, { ok: false, error });
        break;
      }
      case 'channelEvent': {
        const listener = this.#channels.get(action.job);
        if (isLast(action.news)) this.#channels.delete(action.job);
        listener?.(action.news);
        break;
      }
      case 'lookupFinished':
        this.#lookups.get(action.job)?.({ ok: true, value: action.addresses });
        this.#lookups.delete(action.job);
        break;
      case 'mixMessage':
        this.#tell.message({
          data: action.data,
          senderTag: action.senderTag,
          receivedAt: Date.now(),
        });
        break;
      case 'saveKeys':
        this.#keys?.save(action.record);
        break;
      case 'warning':
        this.#tell.warning(action.error);
        break;
      case 'messageConfirmed':
        this.#messages.settle(action.job, { ok: true, value: undefined });
        break;
    }
  }

  #openLink(link: number, url: string): void {
    let socket: WebSocket;
    try {
      socket = this.#platform.createWebSocket(url);
    } catch {
      // A blocked or malformed URL throws at once; the engine hears of it like of any failure.
      queueMicrotask(() => this.#linkClosed(link));
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.#links.set(link, socket);
    socket.onopen = (): void => {
      this.#guarded(() => this.#engine.linkOpened(link));
      this.#turn();
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>): void => {
      const { data } = event;
      this.#guarded(() => {
        if (typeof data === 'string') this.#engine.linkText(link, data);
        else this.#engine.linkBinary(link, new Uint8Array(data));
      });
      this.#turnSoon();
    };
    socket.onclose = (): void => this.#linkClosed(link);
    socket.onerror = (): void => undefined; // close follows
  }

  #linkClosed(link: number): void {
    this.#links.delete(link);
    this.#guarded(() => this.#engine.linkClosed(link));
    this.#turn();
  }

  async #getFromDirectory(request: number, url: string): Promise<void> {
    const { signal } = this.#directoryCalls;
    const early = this.#earlyCalls?.take(url);
    const answer = await (early ?? callDirectory(this.#platform.fetch, url, signal));
    if (signal.aborted) return;
    this.#guarded(() => {
      if (answer) this.#engine.directoryAnswer(request, answer.status, answer.body);
      else this.#engine.directoryFailed(request);
    });
    this.#turn();
  }
}
