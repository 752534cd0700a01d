// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- the declaration bundler needs it
/// <reference path="./ambient.d.ts" />
/**
 * Default entry: one file, worker and wasm inlined as text, nothing for a bundler to find.
 *
 * @module @mixweb/mix-tunnel
 */

import inlinedWasm from '#inlined-wasm';
import inlinedWorker from '#inlined-worker';

import { IndexedDbKeyStore } from '../../../worker/src/indexed-db-key-store.ts';
import { gunzip } from '../../../worker/src/inlined.ts';
import { bindApi } from './api.ts';
import { browserWorker, compileFrom } from './browser-worker.ts';
import type { StartWorker } from './worker-link.ts';

export * from './exports.ts';

const startWorker: StartWorker = async ({ workerUrl, wasmUrl }) => {
  const wasm = wasmUrl === undefined ? Promise.resolve(inlinedWasm) : compileFrom(wasmUrl);
  if (workerUrl !== undefined) return browserWorker([workerUrl], wasm);
  const script = new Blob([await gunzip(inlinedWorker)], { type: 'text/javascript' });
  const url = URL.createObjectURL(script);
  try {
    return await browserWorker([url, ...workerFile()], wasm);
  } finally {
    URL.revokeObjectURL(url);
  }
};

/** The second entry's file, where pages must not run `blob:` and the packages are served as they are. */
function workerFile(): URL[] {
  try {
    return [new URL('./worker.js', import.meta.url)];
  } catch {
    return []; // this module has no address: it is part of a classic script
  }
}

const api = bindApi(startWorker, () => new IndexedDbKeyStore());
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
