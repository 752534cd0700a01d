// Second entry: worker and wasm stay files of their own beside this one, so that they are cached
// apart and the module compiles while it downloads.
import { IndexedDbKeyStore } from '../../../worker/src/indexed-db-key-store.ts';
import { bindApi } from './api.ts';
import { browserWorker, compileFrom } from './browser-worker.ts';
import type { StartWorker } from './worker-link.ts';

export * from './exports.ts';

const startWorker: StartWorker = ({ workerUrl, wasmUrl }) =>
  browserWorker(
    [workerUrl ?? new URL('./worker.js', import.meta.url)],
    compileFrom(wasmUrl ?? new URL('./mixweb.wasm', import.meta.url)),
  );

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
