// Stored keys in a browser: one IndexedDB object store, a record for each client id.
import type { KeyStore } from './key-store.ts';

const DATABASE = 'mixweb';
const STORE = 'keys';
const VERSION = 1;

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = (): void => resolve(request.result);
    request.onerror = (): void => reject(request.error ?? new Error('IndexedDB failed'));
  });
}

export class IndexedDbKeyStore implements KeyStore {
  readonly #factory: IDBFactory | undefined;

  /** `factory` is the global one unless a test says otherwise. */
  constructor(factory: IDBFactory | undefined = globalThis.indexedDB) {
    this.#factory = factory;
  }

  async load(clientId: string): Promise<Uint8Array | undefined> {
    const found: unknown = await this.#within('readonly', (store) => store.get(clientId));
    return found instanceof Uint8Array ? found : undefined;
  }

  async save(clientId: string, record: Uint8Array): Promise<void> {
    await this.#within('readwrite', (store) => store.put(record, clientId));
  }

  async remove(clientId: string): Promise<void> {
    await this.#within('readwrite', (store) => store.delete(clientId));
  }

  /** Runs one request in a transaction of its own, and waits until that is on disk. */
  async #within<T>(
    mode: IDBTransactionMode,
    ask: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    const database = await this.#open();
    try {
      const transaction = database.transaction(STORE, mode);
      const done = new Promise<void>((resolve, reject) => {
        const fail = (): void => reject(transaction.error ?? new Error('IndexedDB aborted'));
        transaction.oncomplete = (): void => resolve();
        transaction.onabort = fail;
        transaction.onerror = fail;
      });
      const [result] = await Promise.all([settled(ask(transaction.objectStore(STORE))), done]);
      return result;
    } finally {
      database.close();
    }
  }

  #open(): Promise<IDBDatabase> {
    // Absent, or null, where storage is switched off.
    if (!this.#factory) return Promise.reject(new Error('no IndexedDB here'));
    const request = this.#factory.open(DATABASE, VERSION);
    request.onupgradeneeded = (): void => {
      request.result.createObjectStore(STORE);
    };
    return settled(request);
  }
}
