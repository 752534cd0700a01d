// The public functions, bound to the page's one tunnel. Each platform entry calls `bindApi` with
// its way to start a worker.
import type * as Comlink from 'comlink';

import type { KeyStore } from '../../../worker/src/key-store.ts';
import { checkClientId, DEFAULT_CLIENT_ID } from '../../../worker/src/options.ts';
import type { TunnelStats } from '../../../worker/src/protocol.ts';
import type { IMixTunnelWorker } from '../../../worker/src/service.ts';
import type { TunnelState } from '../../../worker/src/state.ts';
import { bindMessages, type MessageApi } from './messages.ts';
import { MixError } from './mix-error.ts';
import {
  Tunnel,
  type SetupMixTunnelOpts,
  type TunnelInfo,
  type TunnelStateEvent,
} from './tunnel.ts';
import type { StartWorker } from './worker-link.ts';

/** Several bundled copies of this package share one tunnel when their versions agree. */
const REGISTRY = Symbol.for('@mixweb/mix-tunnel');
const REGISTRY_VERSION = 1;
const MIN_STATS_INTERVAL_MS = 50;

interface Registry {
  version: number;
  tunnel: Tunnel;
}

function sharedTunnel(startWorker: StartWorker): Tunnel {
  const holder = globalThis as { [REGISTRY]?: Registry };
  const present = holder[REGISTRY];
  if (present === undefined) {
    const tunnel = new Tunnel(startWorker);
    holder[REGISTRY] = { version: REGISTRY_VERSION, tunnel };
    return tunnel;
  }
  if (present.version !== REGISTRY_VERSION) {
    throw new MixError(
      'SETUP_FAILED',
      'tunnel error: another copy of @mixweb/mix-tunnel with an incompatible version is loaded',
    );
  }
  return present.tunnel;
}

export interface MixTunnelApi extends MessageApi {
  /** Connects; resolves when the tunnel is ready. Rejects with a MixError otherwise. */
  setupMixTunnel(opts?: SetupMixTunnelOpts): Promise<void>;
  /** Ends everything: sockets, traffic, keys, worker. A new set-up may follow. */
  disconnectMixTunnel(): Promise<void>;
  getTunnelState(): Promise<TunnelState>;
  /** The worker as the reference packages expose it. */
  getMixTunnel(): Promise<Comlink.Remote<IMixTunnelWorker>>;
  /** Calls `listener` on each change and step until the returned function or `signal` ends it. */
  onTunnelState(
    listener: (event: TunnelStateEvent) => void,
    options?: { signal?: AbortSignal },
  ): () => void;
  getTunnelInfo(): Promise<TunnelInfo>;
  /**
   * Leaves the exit for `ipr` (a Nym address, from now on the only one), or for a random other one.
   * Resolves when the tunnel is ready again. Open TCP connections end with EXIT_LOST.
   */
  switchExit(ipr?: string): Promise<void>;
  /** What the tunnel has done since its set-up, and what it holds now. */
  getTunnelStats(): Promise<TunnelStats>;
  /**
   * Calls `listener` with the statistics every `intervalMs` (default 1000, at least 50) while the
   * tunnel works, until the returned function or `signal` ends it.
   */
  onTunnelStats(
    listener: (stats: TunnelStats) => void,
    options?: { intervalMs?: number; signal?: AbortSignal },
  ): () => void;
  /** Deletes the keys kept for a client id: the next set-up has new ones. Not while in use. */
  deleteStoredKeys(options?: { clientId?: string; storageDirectory?: string }): Promise<void>;
  /**
   * 'statechange' with the TunnelStateEvent in `detail`; 'warning' with a TunnelWarning;
   * 'exitchange' and 'ipchange', with the new PathInfo, when a repaired tunnel has another exit or
   * other addresses.
   */
  readonly tunnelEvents: EventTarget;
  /** For the other mixweb packages. */
  sharedTunnel(): Tunnel;
}

export function bindApi(
  startWorker: StartWorker,
  openKeyStore: (directory: string | undefined) => KeyStore,
): MixTunnelApi {
  const tunnel = (): Tunnel => sharedTunnel(startWorker);
  return {
    ...bindMessages(tunnel),
    setupMixTunnel: async (opts = {}) => tunnel().setUp(opts),
    disconnectMixTunnel: async () => tunnel().disconnect(),
    getTunnelState: async () => tunnel().state,
    getMixTunnel: async () => tunnel().worker(),
    onTunnelState: (listener, options = {}) => tunnel().onState(listener, options.signal),
    getTunnelInfo: async () => tunnel().info(),
    switchExit: async (ipr) => tunnel().switchExit(ipr),
    getTunnelStats: async () => tunnel().stats(),
    onTunnelStats: (listener, { intervalMs = 1000, signal } = {}) => {
      if (!Number.isFinite(intervalMs) || intervalMs < MIN_STATS_INTERVAL_MS) {
        throw new RangeError(`intervalMs: expected at least ${MIN_STATS_INTERVAL_MS}`);
      }
      return tunnel().onStats(listener, intervalMs, signal);
    },
    deleteStoredKeys: async ({ clientId = DEFAULT_CLIENT_ID, storageDirectory } = {}) => {
      checkClientId(clientId);
      try {
        await openKeyStore(storageDirectory).remove(clientId);
      } catch (cause) {
        throw new MixError('STORAGE', 'tunnel error: stored keys cannot be deleted', { cause });
      }
    },
    get tunnelEvents(): EventTarget {
      return tunnel().events;
    },
    sharedTunnel: tunnel,
  };
}
