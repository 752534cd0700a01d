// Engines without worker threads, in the test's own process: for faults of the platform below them,
// and for many at once.
import { readFile } from 'node:fs/promises';

import type { SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
import { WebSocket as NodeWebSocket } from 'ws';

import type { ChannelCommand, ChannelNews } from '../../../worker/src/channels.ts';
import { EngineHost, type Platform } from '../../../worker/src/engine-host.ts';
import type { CreateMixweb } from '../../../worker/src/engine-module.ts';
import { FileKeyStore } from '../../../worker/src/file-key-store.ts';
import { engineOptions } from '../../../worker/src/options.ts';
import type { ErrorFields, FetchRequest, StateNews } from '../../../worker/src/protocol.ts';

const built = (path: string): URL => new URL(`../../../${path}`, import.meta.url);

/** What Node offers; tests replace parts of it. */
export const PLATFORM: Platform = {
  createWebSocket: (url) => new NodeWebSocket(url) as unknown as WebSocket,
  fetch: (url, init) => fetch(url, init),
  unpackModule: () => Promise.reject(new Error('the module comes from its file')),
  directoryCalls: { always: [], exit: [] },
  openKeyStore: (directory) => new FileKeyStore(directory),
};

export interface Answer {
  status: number;
  body: Uint8Array;
}

/** One client: an engine with its news. */
export class Client {
  readonly states: StateNews[] = [];
  readonly warnings: ErrorFields[] = [];
  #host!: EngineHost;
  readonly #listeners = new Set<() => void>();

  static async start(
    module: { create: CreateMixweb; wasm: WebAssembly.Module },
    options: SetupMixTunnelOpts,
    platform: Partial<Platform> = {},
  ): Promise<Client> {
    const client = new Client();
    client.#host = await EngineHost.create(
      module.create,
      module.wasm,
      engineOptions(options),
      { ...PLATFORM, ...platform },
      {
        state: (news) => {
          client.states.push(news);
          for (const listener of [...client.#listeners]) listener();
        },
        message: () => undefined,
        warning: (error) => void client.warnings.push(error),
      },
    );
    const started = await client.#host.start();
    if (!started.ok) throw new Error(started.error.message);
    return client;
  }

  get host(): EngineHost {
    return this.#host;
  }

  /** The first such news from place `from` on; rejects when the tunnel has failed instead. */
  until(state: StateNews['state'], from = 0): Promise<StateNews> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.states
          .slice(from)
          .find((news) => news.state === state || news.state === 'failed');
        if (!found) return;
        this.#listeners.delete(look);
        if (found.state === state) resolve(found);
        else reject(new Error(found.error?.message ?? 'failed'));
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Rejects with the plain fields of the error. */
  fetch(url: string, request: Partial<FetchRequest> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let status = 0;
      const control = this.#host.startFetch(
        { url, method: 'GET', headers: [], ...request },
        (message) => {
          if (message.kind === 'head') status = message.status;
          if (message.kind === 'chunk') {
            chunks.push(message.bytes);
            const bytes = message.bytes.byteLength;
            queueMicrotask(() => control({ kind: 'consumed', bytes }));
          }
          if (message.kind === 'end') resolve({ status, body: Buffer.concat(chunks) });
          if (message.kind === 'failed') reject(message.error);
        },
      );
    });
  }

  /** A WebSocket that says something and hears the same again. */
  echo(url: string, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let heard: string | undefined;
      const listener = (news: ChannelNews): void => {
        const say = (command: ChannelCommand): void =>
          queueMicrotask(() => control.command(command));
        if (news.kind === 'wsOpen') say({ kind: 'text', data: new TextEncoder().encode(text) });
        if (news.kind === 'text') {
          heard = news.data;
          say({ kind: 'wsClose', code: 1000, reason: '' });
        }
        if (news.kind !== 'wsClose') return;
        if (heard !== undefined) resolve(heard);
        else reject(new Error(news.error?.message ?? `closed with ${news.code}`));
      };
      const control = this.#host.openChannel(
        { kind: 'webSocket', url, protocols: [], headers: [] },
        listener,
      );
    });
  }

  end(): void {
    this.#host.shutDown();
  }
}

/** The built module, compiled once for all clients. */
export async function loadModule(): Promise<{ create: CreateMixweb; wasm: WebAssembly.Module }> {
  const glue = built('build/wasm-release/wasm/mixweb.mjs').href;
  const { default: create } = (await import(/* @vite-ignore */ glue)) as { default: CreateMixweb };
  const wasm = await readFile(built('packages/mix-tunnel/dist/mixweb.wasm'));
  return { create, wasm: await WebAssembly.compile(new Uint8Array(wasm)) };
}
