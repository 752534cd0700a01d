// Keeping a client's keys between set-ups. A record is made and read by the engine alone; stores
// see bytes. Where nothing can be stored the tunnel works all the same, with a warning.
import { errorFields } from './errors.ts';
import type { ErrorFields, KeyStorage } from './protocol.ts';

/** One record for each client id. */
export interface KeyStore {
  /** Undefined when there is none. */
  load(clientId: string): Promise<Uint8Array | undefined>;
  save(clientId: string, record: Uint8Array): Promise<void>;
  /** Removing what is not there is no error. */
  remove(clientId: string): Promise<void>;
}

const TIMEOUT_MS = 5_000;

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error('the storage does not answer'));
    const timer = setTimeout(late, TIMEOUT_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Loads and saves the record of one engine; failures become warnings. */
export class KeyKeeper {
  readonly #storage: KeyStorage;
  readonly #open: (directory: string | undefined) => KeyStore;
  readonly #warn: (error: ErrorFields) => void;
  #store: KeyStore | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    storage: KeyStorage,
    open: (directory: string | undefined) => KeyStore,
    warn: (error: ErrorFields) => void,
  ) {
    this.#storage = storage;
    this.#open = open;
    this.#warn = warn;
  }

  /** What the engine starts with; undefined when the store refuses: keys in memory only. */
  async load(): Promise<{ record?: Uint8Array; passphrase?: Uint8Array } | undefined> {
    const { clientId, passphrase, directory } = this.#storage;
    let record: Uint8Array | undefined;
    try {
      const store = this.#open(directory);
      record = await inTime(store.load(clientId));
      this.#store = store;
    } catch (cause) {
      this.#refused('read', cause);
      return undefined;
    }
    return {
      ...(record === undefined ? {} : { record }),
      ...(passphrase === undefined ? {} : { passphrase: new TextEncoder().encode(passphrase) }),
    };
  }

  /** One at a time, in order. */
  save(record: Uint8Array): void {
    const store = this.#store;
    if (!store) return;
    this.#saving = this.#saving
      .then(() => inTime(store.save(this.#storage.clientId, record)))
      .catch((cause: unknown) => this.#refused('written', cause));
  }

  /** Resolves when nothing is left to be written. */
  saved(): Promise<void> {
    return this.#saving;
  }

  #refused(what: string, cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#warn(
      errorFields('STORAGE', `tunnel error: stored keys cannot be ${what}: ${why}`, {
        name: 'storage_failed',
        errorClass: 'internal',
      }),
    );
  }
}
