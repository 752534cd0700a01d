// The example's chat server over TLS, as a host of the tests' internet.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import type { createAuthority } from '@mixweb/testing';

import { serveChat } from '../../../examples/capacitor-chat/server.mjs';

export interface ChatServer {
  host: { names: string[]; address: string; ports: Record<number, number> };
  cut(): void;
  stop(): void;
}

export async function startChatServer(
  authority: ReturnType<typeof createAuthority>,
): Promise<ChatServer> {
  const { certFile, keyFile } = authority.issue(['chat.example']);
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  const chat = serveChat(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: { names: ['chat.example'], address: '198.60.22.40', ports: { 443: port } },
    cut: chat.cut,
    stop: () => {
      chat.stop();
      server.closeAllConnections();
      server.close();
    },
  };
}
