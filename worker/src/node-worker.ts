// Entry of the worker thread in Node.
import { parentPort } from 'node:worker_threads';

import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

import directoryCalls from '#directory-calls';
import createMixweb from '#mixweb-module';

import type { CreateMixweb } from './engine-module.ts';
import { FileKeyStore } from './file-key-store.ts';
import { TunnelService } from './service.ts';

if (parentPort === null) throw new Error('this module runs in a worker thread only');

/** Node has a global WebSocket from version 22 on; before, the ws package stands in. */
async function webSocketConstructor(): Promise<typeof WebSocket> {
  if (typeof WebSocket === 'function') return WebSocket;
  const { WebSocket: fromPackage } = await import('ws');
  return fromPackage as unknown as typeof WebSocket;
}

const NodeWebSocket = await webSocketConstructor();
const service = new TunnelService(createMixweb as CreateMixweb, {
  createWebSocket: (url) => new NodeWebSocket(url),
  fetch: (url, init) => fetch(url, init),
  unpackModule: () => Promise.reject(new Error('Node reads the module from its file')),
  directoryCalls,
  openKeyStore: (directory) => new FileKeyStore(directory),
});

Comlink.expose(service, nodeEndpoint(parentPort));
parentPort.postMessage({ kind: 'Loaded', args: { loaded: true } });
