import { afterEach, describe, expect, it, vi } from 'vitest';

import { IndexedDbKeyStore } from '../src/indexed-db-key-store.ts';
import { KeyKeeper, type KeyStore } from '../src/key-store.ts';
import type { ErrorFields } from '../src/protocol.ts';

const record = new Uint8Array([1, 2, 3]);

function keeper(store: Partial<KeyStore>): { keys: KeyKeeper; warnings: ErrorFields[] } {
  const warnings: ErrorFields[] = [];
  const whole: KeyStore = {
    load: () => Promise.resolve(undefined),
    save: () => Promise.resolve(),
    remove: () => Promise.resolve(),
    ...store,
  };
  const keys = new KeyKeeper(
    { clientId: 'id', passphrase: 'ü' },
    () => whole,
    (warning) => void warnings.push(warning),
  );
  return { keys, warnings };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('keeping keys', () => {
  it('hands over record and passphrase as bytes', async () => {
    const { keys, warnings } = keeper({ load: () => Promise.resolve(record) });
    expect(await keys.load()).toEqual({ record, passphrase: new Uint8Array([0xc3, 0xbc]) });
    expect(warnings).toEqual([]);
  });

  it('has no record at first, and saves in order', async () => {
    const saved: number[] = [];
    const { keys } = keeper({
      save: async (_, bytes) => {
        await Promise.resolve();
        saved.push(bytes[0] ?? 0);
      },
    });
    expect(await keys.load()).toEqual({ passphrase: new Uint8Array([0xc3, 0xbc]) });
    keys.save(new Uint8Array([1]));
    keys.save(new Uint8Array([2]));
    await keys.saved();
    expect(saved).toEqual([1, 2]);
  });

  it('does without a store that refuses, and warns', async () => {
    const save = vi.fn(() => Promise.resolve());
    const { keys, warnings } = keeper({ load: () => Promise.reject(new Error('private')), save });
    expect(await keys.load()).toBeUndefined();
    keys.save(record);
    await keys.saved();
    expect(save).not.toHaveBeenCalled();
    expect(warnings).toMatchObject([{ code: 'STORAGE', name: 'storage_failed' }]);
    expect(warnings[0]?.message).toMatch(/cannot be read: private/);
  });

  it('warns when a record cannot be written, and tries the next one', async () => {
    let full = true;
    const { keys, warnings } = keeper({
      save: () => (full ? Promise.reject(new Error('disk full')) : Promise.resolve()),
    });
    await keys.load();
    keys.save(record);
    await keys.saved();
    full = false;
    keys.save(record);
    await keys.saved();
    expect(warnings.map(({ message }) => message)).toEqual([
      'tunnel error: stored keys cannot be written: disk full',
    ]);
  });

  it('does not wait for ever', async () => {
    vi.useFakeTimers();
    const { keys, warnings } = keeper({ load: () => new Promise(() => undefined) });
    const loading = keys.load();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await loading).toBeUndefined();
    expect(warnings[0]?.message).toMatch(/does not answer/);
  });

  it('has no place without IndexedDB', async () => {
    const store = new IndexedDbKeyStore(undefined);
    await expect(store.load('id')).rejects.toThrow('no IndexedDB here');
    const locked = {
      open: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    };
    const refused = new IndexedDbKeyStore(locked as unknown as IDBFactory);
    await expect(refused.save('id', record)).rejects.toThrow('denied');
  });
});
