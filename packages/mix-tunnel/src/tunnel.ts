// The one tunnel of a page: worker, life cycle, state, and the calls that the facades build on.
import * as Comlink from 'comlink';

import {
  isLast,
  type ChannelCommand,
  type ChannelControl,
  type ChannelNews,
  type ChannelRequest,
} from '../../../worker/src/channels.ts';
import {
  checkOptions,
  engineOptions,
  type SetupMixTunnelOpts as EngineSetupOpts,
} from '../../../worker/src/options.ts';
import type {
  EngineOptions,
  FetchControl,
  FetchMessage,
  FetchRequest,
  MessageNews,
  MessageRequest,
  PathInfo,
  StateNews,
  TunnelStateName,
  TunnelStats,
  TunnelStep,
  WarningNews,
} from '../../../worker/src/protocol.ts';
import type { IMixTunnelWorker } from '../../../worker/src/service.ts';
import { tunnelState, type TunnelState } from '../../../worker/src/state.ts';
import { checkFetchOptions, FetchSettings, type FetchSetupOpts } from './fetch-settings.ts';
import { Inbox } from './inbox.ts';
import { MixError } from './mix-error.ts';
import { onWake } from './page-life.ts';
import { WorkerLink, type StartWorker } from './worker-link.ts';

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
export interface SetupMixTunnelOpts extends EngineSetupOpts, FetchSetupOpts {
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

const DISCONNECT_GRACE_MS = 500;

interface Attempt {
  link: WorkerLink;
  fetches: FetchSettings;
  options: string; // canonical form, to compare for reuse: 'share'
  ready: Promise<void>;
}

export class Tunnel {
  readonly events = new EventTarget();
  /** Messages from other clients of the mixnet. */
  readonly inbox = new Inbox((dropped) => this.#warn(dropped));
  readonly #startWorker: StartWorker;
  readonly #listeners = new Set<(event: TunnelStateEvent) => void>();
  #starting: Promise<Attempt> | undefined;
  #attempt: Attempt | undefined;
  #bareLink: Promise<WorkerLink> | undefined; // started by getWorker before any set-up
  #state: TunnelState = { state: 'connecting' };
  #wasReady = false;
  #since = 0;
  #lastMessage = 0;
  #workerStartMs = 0;
  #path: PathInfo | undefined; // as last seen ready
  #stopHearingPage: (() => void) | undefined;

  constructor(startWorker: StartWorker) {
    this.#startWorker = startWorker;
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** Undefined while no tunnel lives. */
  get fetches(): FetchSettings | undefined {
    return this.#attempt?.fetches;
  }

  onState(listener: (event: TunnelStateEvent) => void, signal?: AbortSignal): () => void {
    if (signal?.aborted) return () => undefined;
    this.#listeners.add(listener);
    const stop = (): void => void this.#listeners.delete(listener);
    signal?.addEventListener('abort', stop, { once: true });
    return stop;
  }

  async setUp(opts: SetupMixTunnelOpts): Promise<void> {
    checkOptions(opts);
    checkFetchOptions(opts);
    opts.signal?.throwIfAborted();
    const { signal, onState, workerUrl, wasmUrl, reuse, ...rest } = opts;
    const { fetchErrors, cookies, ...plain } = rest;
    delete plain.httpCache;
    const fetches = new FetchSettings(opts);
    const own = typeof cookies === 'object' || typeof cookies === 'function' ? 'own' : cookies;
    const options = canonical({ ...plain, fetchErrors, cookies: own });
    const running =
      this.#attempt ?? (this.#starting && (await this.#starting.catch(() => undefined)));
    if (running) {
      if (reuse === 'share' && running.options === options) return running.ready;
      const concurrent = this.#state.state !== 'ready';
      throw new MixError(
        'ALREADY_SET_UP',
        concurrent
          ? 'tunnel error: tunnel already initialised by a concurrent setupMixTunnel call'
          : 'tunnel error: tunnel already initialised; setupMixTunnel can only be called once per ' +
              'WASM module instance',
      );
    }
    const stopHearing = onState ? this.onState(onState) : (): void => undefined;
    this.#wasReady = false;
    this.#news({ state: 'connecting', step: 'worker', attempt: 0, at: Date.now() });
    try {
      this.#starting = this.#begin(plain, { options, fetches }, { workerUrl, wasmUrl });
      const attempt = await this.#starting;
      this.#starting = undefined;
      this.#attempt = attempt;
      await abortable(attempt.ready, signal);
      // News travel on a port of their own: the answer may overtake them.
      await attempt.link.call(this.#leftState('connecting'));
      this.#since = Date.now();
      this.#path = await attempt.link.call(attempt.link.remote.info());
      this.#stopHearingPage = onWake(() => void attempt.link.remote.wake());
    } catch (error) {
      stopHearing();
      this.#starting = undefined;
      this.#end();
      if (this.#state.state !== 'failed') this.#failed(error);
      throw error;
    }
  }

  /** Resolves once the state is another than `name`. */
  #leftState(name: TunnelStateName): Promise<void> {
    if (this.#state.state !== name) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.onState(({ state }) => {
        if (state === name) return;
        stop();
        resolve();
      });
    });
  }

  async #begin(
    plain: EngineSetupOpts,
    known: Pick<Attempt, 'options' | 'fetches'>,
    urls: Parameters<StartWorker>[0],
  ): Promise<Attempt> {
    const began = performance.now();
    const options = engineOptions(plain);
    const link = await this.#startLink(urls, options);
    this.#workerStartMs = performance.now() - began;
    const deliver = (message: MessageNews): void => this.inbox.add(message);
    const warn = ({ error, at }: WarningNews): void => this.#warn(MixError.from(error), at);
    // Calls arrive in their order, so the set-up that follows is heard from its beginning.
    await link.call(
      Promise.all([
        link.remote.onState(Comlink.proxy((news: StateNews) => this.#news(news))),
        link.remote.onWarning(Comlink.proxy(warn)),
        link.remote.onMessage(Comlink.proxy(deliver)),
      ]),
    );
    link.onEnd((error) => {
      if (this.#attempt?.link !== link) return;
      this.#attempt = undefined;
      if (error.code === 'WORKER_CRASHED') this.#failed(error);
    });
    const ready = link.call(link.remote.setUp(options)).then((outcome) => {
      if (!outcome.ok) throw MixError.from(outcome.error);
    });
    ready.catch(() => undefined); // awaited by setUp; a crash in between must not be unhandled
    return { link, ...known, ready };
  }

  async #startLink(urls: Parameters<StartWorker>[0], expected: EngineOptions): Promise<WorkerLink> {
    const bare = this.#bareLink;
    this.#bareLink = undefined;
    return (
      (await bare?.catch(() => undefined)) ?? WorkerLink.start(this.#startWorker, urls, expected)
    );
  }

  /** Resolves at once when nothing runs. */
  async disconnect(): Promise<void> {
    const attempt = this.#attempt;
    if (!attempt) {
      void this.#bareLink?.then((link) => link.terminate());
      this.#bareLink = undefined;
      return;
    }
    await Promise.race([
      attempt.link.call(attempt.link.remote.shutDown()).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, DISCONNECT_GRACE_MS)),
    ]);
    this.#end();
    if (this.#state.state !== 'shutdown') {
      this.#news({ state: 'shutdown', attempt: 0, at: Date.now() });
    }
  }

  /** The reference's worker handle; starts a worker when there is none. */
  async worker(): Promise<Comlink.Remote<IMixTunnelWorker>> {
    const attempt = this.#attempt;
    if (attempt) return attempt.link.remote;
    if (this.#starting) return (await this.#starting).link.remote;
    this.#bareLink ??= WorkerLink.start(this.#startWorker, {});
    // A start that failed is not remembered: the next call tries again.
    this.#bareLink.catch(() => (this.#bareLink = undefined));
    return (await this.#bareLink).remote;
  }

  /** Resolves when the tunnel is ready by another exit; `ipr` names it, else it is a random one. */
  async switchExit(ipr?: string): Promise<void> {
    const link = this.#usable();
    let hasLeft = this.#state.state !== 'ready';
    let stopHearing = (): void => undefined;
    const arrived = new Promise<TunnelStateEvent>((resolve) => {
      stopHearing = this.onState((event) => {
        if (event.state === 'connecting') hasLeft = true;
        else if (hasLeft || event.state !== 'ready') resolve(event);
      });
    });
    try {
      const outcome = await link.call(link.remote.switchExit(ipr));
      if (!outcome.ok) throw MixError.from(outcome.error);
      const { state, error } = await link.call(arrived);
      if (state !== 'ready') throw error ?? new MixError('EXIT_LOST', 'tunnel error: no exit');
    } finally {
      stopHearing();
    }
  }

  async info(): Promise<TunnelInfo> {
    const link = this.#usable();
    const info = await link.call(link.remote.info());
    if (!info) throw this.#notReady();
    return { ...info, since: this.#since };
  }

  async stats(): Promise<TunnelStats> {
    const link = this.#usable();
    const stats = await link.call(link.remote.stats());
    if (!stats) throw this.#notReady();
    const worker = this.#workerStartMs;
    return { ...stats, setup: { ...stats.setup, worker, ready: stats.setup.ready + worker } };
  }

  /** Calls `listener` every `intervalMs` while the tunnel works. */
  onStats(
    listener: (stats: TunnelStats) => void,
    intervalMs: number,
    signal?: AbortSignal,
  ): () => void {
    if (signal?.aborted) return () => undefined;
    let asking = false;
    const tell = async (): Promise<void> => {
      // A slow answer skips a beat instead of piling up; between tunnels there is nothing to tell.
      if (asking || !this.#attempt) return;
      asking = true;
      const stats = await this.stats().catch(() => undefined);
      asking = false;
      if (stats && !stopped) listener(stats);
    };
    let stopped = false;
    const timer = setInterval(() => void tell(), intervalMs);
    const stop = (): void => {
      stopped = true;
      clearInterval(timer);
      signal?.removeEventListener('abort', stop);
    };
    signal?.addEventListener('abort', stop, { once: true });
    return stop;
  }

  async lookup(host: string): Promise<string[]> {
    const link = this.#usable();
    const outcome = await link.call(link.remote.lookup(host));
    if (!outcome.ok) throw MixError.from({ ...outcome.error, phase: 'dns' });
    return outcome.value;
  }

  /** Resolves when the message counts as sent. Rejects with the signal's reason when aborted. */
  async sendMessage(request: MessageRequest, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const link = this.#usable();
    const id = ++this.#lastMessage;
    // The caller keeps its bytes; a copy of just these goes over.
    const data = request.data.slice();
    const message = Comlink.transfer({ ...request, data }, [data.buffer]);
    const cancel = (): void => void link.remote.cancelMessage(id).catch(() => undefined);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const sent = link.call(link.remote.sendMessage(id, message));
      const outcome = await abortable(sent, signal);
      if (!outcome.ok) throw MixError.from(outcome.error);
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Starts an exchange. `onMessage` hears head, chunks and the end, or one 'failed'. */
  fetch(request: FetchRequest, onMessage: (message: FetchMessage) => void): FetchChannel {
    const link = this.#usable();
    const { port1, port2 } = new MessageChannel();
    let open = true;
    const close = (): void => {
      open = false;
      stopHearing();
      port1.close();
    };
    const stopHearing = link.onEnd((error) => {
      close();
      const { code, message } = error;
      onMessage({ kind: 'failed', error: { code, message, retryable: false } });
    });
    port1.onmessage = (event: MessageEvent<FetchMessage>): void => {
      if (event.data.kind === 'end' || event.data.kind === 'failed') close();
      onMessage(event.data);
    };
    const transfer: Transferable[] = [port2];
    void link.remote.fetch(request, Comlink.transfer(port2, transfer)).catch((cause: unknown) => {
      if (!open) return;
      close();
      const message = cause instanceof Error ? cause.message : String(cause);
      onMessage({ kind: 'failed', error: { code: 'BAD_OPTION', message, retryable: true } });
    });
    return {
      send: (control, moved = []) => {
        if (!open) return;
        port1.postMessage(control, moved);
        if (control.kind === 'cancel') close();
      },
    };
  }

  /** Opens a channel. `onNews` hears everything up to a last one (see isLast). */
  openChannel(request: ChannelRequest, onNews: (news: ChannelNews) => void): Channel {
    const link = this.#usable();
    const { port1, port2 } = new MessageChannel();
    let open = true;
    const close = (): void => {
      open = false;
      stopHearing();
      port1.close();
    };
    const fail = (code: string, message: string): void => {
      if (!open) return;
      close();
      onNews({ kind: 'failed', error: { code, message, retryable: false } });
    };
    const stopHearing = link.onEnd((error) => fail(error.code, error.message));
    port1.onmessage = (event: MessageEvent<ChannelNews>): void => {
      if (!open) return;
      if (isLast(event.data)) close();
      onNews(event.data);
    };
    const tell = (control: ChannelControl, transfer: Transferable[] = []): void => {
      if (open) port1.postMessage(control, transfer);
    };
    void link.remote
      .openChannel(request, Comlink.transfer(port2, [port2 as Transferable]))
      .catch((cause: unknown) => {
        fail('BAD_OPTION', cause instanceof Error ? cause.message : String(cause));
      });
    return {
      command: tell,
      cancel: () => {
        tell({ kind: 'cancel' });
        if (open) close();
      },
    };
  }

  async clearDnsCache(): Promise<void> {
    const link = this.#usable();
    await link.call(link.remote.clearDnsCache());
  }

  #usable(): WorkerLink {
    // While connecting again, calls wait in the engine, bounded by their own time limits.
    if (!this.#attempt || !this.#wasReady || this.#state.state === 'failed') {
      throw this.#notReady();
    }
    return this.#attempt.link;
  }

  #notReady(): MixError {
    return new MixError('NOT_READY', `tunnel not ready: ${this.#state.state}`, {
      phase: 'setup',
      retryable: true,
    });
  }

  #end(): void {
    this.#stopHearingPage?.();
    this.#stopHearingPage = undefined;
    this.#path = undefined;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.link.terminate();
  }

  #failed(error: unknown): void {
    const known = error instanceof MixError ? error : undefined;
    this.#news({
      state: 'failed',
      attempt: 0,
      at: Date.now(),
      error: {
        code: known?.code ?? 'ABORTED',
        message: error instanceof Error ? error.message : String(error),
      },
    });
  }

  #news(news: StateNews): void {
    this.#wasReady ||= news.state === 'ready';
    this.#state = tunnelState(news, this.#wasReady);
    const event: TunnelStateEvent = { state: news.state, attempt: news.attempt, at: news.at };
    if (news.step !== undefined) event.step = news.step;
    if (news.error) {
      event.error = MixError.from(news.error);
      event.detail = news.error.message;
    }
    for (const listener of [...this.#listeners]) listener(event);
    this.#dispatch('statechange', event);
    if (news.state === 'shutdown' || news.state === 'failed') this.inbox.end();
    if (news.state === 'ready') void this.#comparePath();
  }

  #warn(error: MixError, at = Date.now()): void {
    this.#dispatch('warning', { error, at } satisfies TunnelWarning);
  }

  /** Tells when a repaired tunnel leaves the mixnet elsewhere than before. */
  async #comparePath(): Promise<void> {
    const link = this.#attempt?.link;
    const before = this.#path;
    if (!link || !before) return;
    const after = await link.call(link.remote.info()).catch(() => undefined);
    if (!after || this.#attempt?.link !== link) return;
    this.#path = after;
    if (after.exit !== before.exit) this.#dispatch('exitchange', after);
    if (after.ipv4 !== before.ipv4 || after.ipv6 !== before.ipv6) this.#dispatch('ipchange', after);
  }

  #dispatch(type: string, detail: object): void {
    this.events.dispatchEvent(Object.assign(new Event(type), { detail }));
  }
}

/** The same text for the same options, in whatever order they come. */
function canonical(options: object): string {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
