// Libraries that expect the platform's WebSocket work unchanged with MixWebSocket, each against a
// real server of its kind behind the local mixnet.
import { disconnectMixTunnel, setupMixTunnel } from '@mixweb/mix-tunnel';
import { MixWebSocket } from '@mixweb/mix-websocket';
import { startInternet, UNSHAPED } from '@mixweb/testing';
import { WebSocketProvider } from 'ethers';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { HEAD, startServices } from './support/web-socket-services.mjs';

const ACCOUNT = '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045';
const NODE = 'ws://node.example/';

let services: Awaited<ReturnType<typeof startServices>>;
let internet: Awaited<ReturnType<typeof startInternet>>;
const ownWebSocket = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');

beforeAll(async () => {
  services = await startServices();
  internet = await startInternet({ hosts: () => Promise.resolve(services.hosts) });
  await setupMixTunnel({ ...internet.tunnel, ...UNSHAPED });
  // For libraries that look for the global class, as in a page. They are imported after this.
  Object.defineProperty(globalThis, 'WebSocket', { value: MixWebSocket, configurable: true });
});
afterAll(async () => {
  if (ownWebSocket) Object.defineProperty(globalThis, 'WebSocket', ownWebSocket);
  else Reflect.deleteProperty(globalThis, 'WebSocket');
  await disconnectMixTunnel();
  await services.stop();
  await internet.stop();
});

it('graphql-ws asks and subscribes', async () => {
  const client = createClient({
    url: 'ws://graphql.example/graphql',
    webSocketImpl: MixWebSocket,
    retryAttempts: 0,
  });
  const results: unknown[] = [];
  for await (const { data } of client.iterate({ query: '{ hello }' })) results.push(data);
  for await (const { data } of client.iterate({ query: 'subscription { count(to: 3) }' })) {
    results.push(data);
  }
  expect(results).toEqual([{ hello: 'world' }, { count: 1 }, { count: 2 }, { count: 3 }]);
  await client.dispose();
});

it('socket.io calls, and exchanges bytes', async () => {
  const { WebSocket: transport } = await import('engine.io-client');
  const { io } = await import('socket.io-client');
  const socket = io('http://chat.example', { transports: [transport], reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  expect(await socket.emitWithAck('sum', 19, 23)).toBe(42);
  const answer = new Promise<ArrayBuffer>((resolve) => socket.on('bytes', resolve));
  socket.emit('bytes', new Uint8Array([1, 2, 3]));
  expect([...new Uint8Array(await answer)]).toEqual([3, 2, 1]);
  const closed = new Promise((resolve) => socket.on('disconnect', resolve));
  socket.disconnect();
  expect(await closed).toBe('io client disconnect');
});

it('viem asks and watches blocks', async () => {
  const { createPublicClient, webSocket } = await import('viem');
  const transport = webSocket(NODE, { reconnect: false, keepAlive: false });
  const client = createPublicClient({ transport });
  expect(await client.getBalance({ address: ACCOUNT })).toBe(10n ** 18n);
  const numbers = await new Promise<bigint[]>((resolve, reject) => {
    const seen: bigint[] = [];
    const stop = client.watchBlocks({
      onBlock: ({ number }) => {
        seen.push(number);
        if (seen.length < 2) return;
        stop();
        resolve(seen);
      },
      onError: reject,
    });
  });
  expect(numbers).toEqual([BigInt(HEAD) + 1n, BigInt(HEAD) + 2n]);
  const rpc = await transport({}).value?.getRpcClient();
  rpc?.close();
});

it('ethers asks and hears of blocks', async () => {
  const provider = new WebSocketProvider(new MixWebSocket(NODE) as never);
  expect(await provider.getBalance(ACCOUNT)).toBe(10n ** 18n);
  const number = await new Promise((resolve) => void provider.once('block', resolve));
  expect(number).toBe(HEAD + 1);
  expect(await provider.getBlockNumber()).toBe(HEAD); // by now it has unsubscribed
  await provider.destroy();
});
