// The fetches of one engine: its news of them become messages for the page, and back.
import type { EngineAction, WasmEngine } from './engine-module.ts';
import { latin1 } from './latin1.ts';
import type { ErrorFields, FetchControl, FetchMessage, FetchRequest } from './protocol.ts';

export type FetchListener = (message: FetchMessage) => void;

type FetchAction = Extract<
  EngineAction,
  {
    kind:
      | 'fetchHead'
      | 'fetchChunk'
      | 'fetchBodyWanted'
      | 'fetchUploaded'
      | 'fetchRedirected'
      | 'fetchEnd';
  }
>;

function message(action: FetchAction): FetchMessage {
  switch (action.kind) {
    case 'fetchHead':
      return {
        kind: 'head',
        status: action.status,
        reason: latin1.decode(action.reason),
        headers: action.headers.map(([name, value]) => [latin1.decode(name), latin1.decode(value)]),
        url: action.url,
        redirected: action.redirected,
      };
    case 'fetchChunk':
      return { kind: 'chunk', bytes: action.bytes };
    case 'fetchBodyWanted':
      return { kind: 'bodyWanted', attempt: action.attempt, bytes: action.bytes };
    case 'fetchUploaded':
      return { kind: 'uploaded', bytes: action.bytes };
    case 'fetchRedirected': {
      const setCookies = action.setCookies.map(([, value]) => latin1.decode(value));
      return { kind: 'redirected', from: action.from, to: action.to, setCookies };
    }
    case 'fetchEnd':
      return { kind: 'end', timing: action.timing };
  }
}

export class FetchJobs {
  readonly #listeners = new Map<number, FetchListener>();

  /** The request as the engine reads it. */
  static toEngine(request: FetchRequest): object {
    const headers = request.headers.map(([name, value]) => [
      latin1.encode(name),
      latin1.encode(value),
    ]);
    return { ...request, headers };
  }

  add(job: number, listener: FetchListener): void {
    this.#listeners.set(job, listener);
  }

  /** Hands the page's word to the engine. */
  control(engine: WasmEngine, job: number, control: FetchControl): void {
    if (!this.#listeners.has(job)) return;
    switch (control.kind) {
      case 'consumed':
        engine.fetchConsumed(job, control.bytes);
        break;
      case 'body':
        engine.fetchBody(job, control.attempt, control.bytes);
        break;
      case 'bodyEnd':
        engine.fetchBodyEnd(job, control.attempt);
        break;
      case 'goOn':
        engine.fetchGoOn(
          job,
          control.cookie === undefined ? undefined : latin1.encode(control.cookie),
        );
        break;
      case 'cancel':
        this.#listeners.delete(job);
        engine.cancel(job);
        break;
    }
  }

  tell(action: FetchAction): void {
    this.#listeners.get(action.job)?.(message(action));
    if (action.kind === 'fetchEnd') this.#listeners.delete(action.job);
  }

  fail(job: number, error: ErrorFields): void {
    this.#listeners.get(job)?.({ kind: 'failed', error });
    this.#listeners.delete(job);
  }

  failAll(error: ErrorFields): void {
    for (const listener of this.#listeners.values()) listener({ kind: 'failed', error });
    this.#listeners.clear();
  }
}
