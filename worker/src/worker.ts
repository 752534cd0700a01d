// Entry of the browser's dedicated worker.
import * as Comlink from 'comlink';

import directoryCalls from '#directory-calls';
import createMixweb from '#mixweb-module';

import type { CreateMixweb } from './engine-module.ts';
import { IndexedDbKeyStore } from './indexed-db-key-store.ts';
import { TunnelService } from './service.ts';
import { unpackModule } from './unpack.ts';

const service = new TunnelService(createMixweb as CreateMixweb, {
  createWebSocket: (url) => new WebSocket(url),
  fetch: (url, init) => fetch(url, init),
  unpackModule,
  directoryCalls,
  openKeyStore: () => new IndexedDbKeyStore(),
});

Comlink.expose(service);
// The reference's first message; the page waits for it before it talks.
postMessage({ kind: 'Loaded', args: { loaded: true } });
