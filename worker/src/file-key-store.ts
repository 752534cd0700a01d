// Stored keys in Node: a file for each client id, readable by its owner only.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import type { KeyStore } from './key-store.ts';

/** XDG base directory specification; the same place on other systems. */
function defaultDirectory(): string {
  const data = process.env['XDG_DATA_HOME'];
  const base = data === undefined || data === '' ? join(homedir(), '.local', 'share') : data;
  return join(base, 'mixweb');
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ENOENT';
}

export class FileKeyStore implements KeyStore {
  readonly #directory: string;

  constructor(directory: string | undefined) {
    this.#directory = directory ?? defaultDirectory();
  }

  async load(clientId: string): Promise<Uint8Array | undefined> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    try {
      return new Uint8Array(await readFile(this.#path(clientId)));
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw cause;
    }
  }

  async save(clientId: string, record: Uint8Array): Promise<void> {
    const path = this.#path(clientId);
    // Whole or not at all, also when the process ends in between.
    const fresh = `${path}.${process.pid}.new`;
    await writeFile(fresh, record, { mode: 0o600, flush: true });
    await rename(fresh, path);
  }

  async remove(clientId: string): Promise<void> {
    await rm(this.#path(clientId), { force: true });
  }

  /** A hash, because ids may hold characters that mean something to file systems. */
  #path(clientId: string): string {
    const name = createHash('sha256').update(clientId).digest('hex');
    return join(this.#directory, `${name}.keys`);
  }
}
