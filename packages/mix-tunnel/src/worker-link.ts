// The page's end of the worker: starting it, talking to it, noticing its death.
import * as Comlink from 'comlink';

import type { EngineOptions, WasmSource, WorkerApi } from '../../../worker/src/protocol.ts';
import type { IMixTunnelWorker } from '../../../worker/src/service.ts';
import { MixError } from './mix-error.ts';

/** A worker that has sent its first message, as the platform-specific entries supply it. */
export interface WorkerParts {
  endpoint: Comlink.Endpoint;
  /** Raw bytes are transferred. */
  wasm: WasmSource;
  /** Calls back once when the worker dies of an uncaught error. */
  onCrash(listener: (what: string) => void): void;
  terminate(): void;
}

export type StartWorker = (options: {
  workerUrl?: string | URL | undefined;
  wasmUrl?: string | URL | undefined;
}) => Promise<WorkerParts>;

export type WorkerRemote = Comlink.Remote<WorkerApi & IMixTunnelWorker>;

/** A running worker with its module loaded. */
export class WorkerLink {
  readonly remote: WorkerRemote;
  readonly #parts: WorkerParts;
  readonly #crashListeners = new Set<(error: MixError) => void>();
  #ended = false;

  /** `expected`: the set-up that will follow, if it is known by now. */
  static async start(
    startWorker: StartWorker,
    options: Parameters<StartWorker>[0],
    expected?: EngineOptions,
  ): Promise<WorkerLink> {
    let parts: WorkerParts | undefined;
    try {
      parts = await startWorker(options);
      const link = new WorkerLink(parts);
      const { wasm } = parts;
      // The answer says nothing, and comes before that of the next call.
      if (expected) link.remote.expectSetUp(expected).catch(() => undefined);
      const handedOver = wasm instanceof ArrayBuffer ? Comlink.transfer(wasm, [wasm]) : wasm;
      const outcome = await link.call(link.remote.load(handedOver));
      if (!outcome.ok) throw MixError.from(outcome.error);
      return link;
    } catch (cause) {
      parts?.terminate();
      if (cause instanceof MixError) throw cause;
      const what = cause instanceof Error ? cause.message : String(cause);
      throw new MixError('SETUP_FAILED', `tunnel error: the worker does not start: ${what}`, {
        cause,
        phase: 'setup',
      });
    }
  }

  private constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.remote = Comlink.wrap<WorkerApi & IMixTunnelWorker>(parts.endpoint);
    parts.onCrash((what) => {
      if (this.#ended) return;
      this.#end(new MixError('WORKER_CRASHED', `tunnel error: the worker crashed: ${what}`));
    });
  }

  /** Calls `listener` when the worker ends, by crash or by `terminate`. */
  onEnd(listener: (error: MixError) => void): () => void {
    this.#crashListeners.add(listener);
    return () => this.#crashListeners.delete(listener);
  }

  /** A call that rejects when the worker ends before it answers. */
  call<P extends Promise<unknown>>(answer: P): Promise<Awaited<P>> {
    return new Promise((resolve, reject) => {
      const stopListening = this.onEnd(reject);
      answer.then((value) => resolve(value as Awaited<P>), reject).finally(stopListening);
    });
  }

  terminate(): void {
    if (this.#ended) return;
    this.#end(new MixError('ABORTED', 'tunnel error: the tunnel was shut down'));
  }

  #end(error: MixError): void {
    this.#ended = true;
    this.#parts.terminate();
    for (const listener of [...this.#crashListeners]) listener(error);
    this.#crashListeners.clear();
  }
}
