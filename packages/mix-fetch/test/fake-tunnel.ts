// A tunnel without an engine: fetches are answered by the test. It takes the page's place for the
// one tunnel, where mix-tunnel's own functions find it.
import {
  FetchSettings,
  type FetchSetupOpts,
  type FetchControl,
  type FetchMessage,
  type FetchRequest,
} from '@mixweb/mix-tunnel';

const REGISTRY = Symbol.for('@mixweb/mix-tunnel');

type Head = Extract<FetchMessage, { kind: 'head' }>;

/** One fetch as the engine sees it. */
export class FakeFetch {
  readonly controls: FetchControl[] = [];
  onControl: (control: FetchControl) => void = () => undefined;
  readonly request: FetchRequest;
  readonly tell: (message: FetchMessage) => void;

  constructor(request: FetchRequest, tell: (message: FetchMessage) => void) {
    this.request = request;
    this.tell = tell;
  }

  /** Answers with a head. */
  head(init: Partial<Head> = {}): this {
    this.tell({
      kind: 'head',
      status: 200,
      reason: 'OK',
      headers: [],
      url: this.request.url,
      redirected: false,
      ...init,
    });
    return this;
  }
  chunk(text: string | Uint8Array): this {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    this.tell({ kind: 'chunk', bytes: bytes.slice() });
    return this;
  }
  end(): void {
    this.tell({ kind: 'end', timing: { reused: false, dns: 1, connect: 2, tls: 3 } });
  }
  get cancelled(): boolean {
    return this.controls.some(({ kind }) => kind === 'cancel');
  }
  header(wanted: string): string | undefined {
    return this.request.headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  }
}

/** Puts a fake tunnel in place; `answer` hears of each fetch once its control works. */
export function installTunnel(
  answer: (fetch: FakeFetch) => void,
  opts: FetchSetupOpts = {},
): FakeFetch[] {
  const seen: FakeFetch[] = [];
  const tunnel = {
    fetches: new FetchSettings(opts),
    fetch(request: FetchRequest, tell: (message: FetchMessage) => void) {
      // What crosses to the worker is cloned: what cannot be is a mistake.
      const fake = new FakeFetch(structuredClone(request), tell);
      seen.push(fake);
      queueMicrotask(() => answer(fake));
      return {
        send(control: FetchControl): void {
          fake.controls.push(control);
          fake.onControl(control);
        },
      };
    },
  };
  Object.assign(globalThis, { [REGISTRY]: { version: 1, tunnel } });
  return seen;
}

/** The next call finds no tunnel. */
export function removeTunnel(): void {
  Reflect.deleteProperty(globalThis, REGISTRY);
}
