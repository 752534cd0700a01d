// Entry for Node: a worker thread from the files beside this one.
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

import { FileKeyStore } from '../../../worker/src/file-key-store.ts';
import { bindApi } from './api.ts';
import type { StartWorker } from './worker-link.ts';

export * from './exports.ts';

const startWorker: StartWorker = async ({ workerUrl, wasmUrl }) => {
  const bytes = await readFile(wasmUrl ?? new URL('./mixweb.wasm', import.meta.url));
  const script = workerUrl ?? new URL('./node-worker.js', import.meta.url);
  // Without the program's own flags: a module of `--import` may be what sets the tunnel up.
  const worker = new Worker(script, { execArgv: [] });
  const crashListeners = new Set<(what: string) => void>();
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.on('error', (error) => {
        reject(error);
        for (const listener of crashListeners) listener(error.message);
      });
      worker.once('exit', (code) => {
        for (const listener of crashListeners) listener(`exit code ${code}`);
      });
    });
  } catch (cause) {
    await worker.terminate();
    throw cause;
  }
  return {
    endpoint: nodeEndpoint(worker),
    // A copy of its own: the read buffer may be a part of Node's pool.
    wasm: new Uint8Array(bytes).buffer,
    onCrash: (listener) => void crashListeners.add(listener),
    terminate: () => void worker.terminate(),
  };
};

const api = bindApi(startWorker, (directory) => new FileKeyStore(directory));
export const {
  setupMixTunnel,
  disconnectMixTunnel,
  getTunnelState,
  getMixTunnel,
  onTunnelState,
  getTunnelInfo,
  getTunnelStats,
  onTunnelStats,
  mixSend,
  mixReply,
  onMixMessage,
  mixMessages,
  selfAddress,
  deleteStoredKeys,
  switchExit,
  sharedTunnel,
} = api;
export const tunnelEvents: EventTarget = /* @__PURE__ */ api.tunnelEvents;
