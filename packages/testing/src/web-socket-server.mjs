// WebSocket servers (npm `ws`) with one behaviour a path, plain and over TLS, and a raw TCP echo.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';

import { WebSocketServer } from 'ws';

/** A frame as no honest server sends it. */
const RAW_FRAMES = {
  '/bad-utf8': Buffer.from([0x81, 0x02, 0xc3, 0x28]),
  '/masked': Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x40]),
  '/reserved': Buffer.from([0xf1, 0x00]),
  '/fragments': Buffer.from([0x01, 0x01, 0x61, 0x89, 0x01, 0x70, 0x80, 0x01, 0x62]),
};

const BEHAVIOURS = {
  '/echo': (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })),
  '/close': (socket, url) =>
    socket.close(Number(url.searchParams.get('code')), url.searchParams.get('reason') ?? ''),
  '/end': (socket) => socket._socket.end(),
  '/reset': (socket) => socket._socket.resetAndDestroy(),
  '/reset-on-message': (socket) => socket.on('message', () => socket._socket.resetAndDestroy()),
  '/deaf': (socket) => socket._socket.removeAllListeners('data'),
  '/big': (socket, url) => socket.send(Buffer.alloc(Number(url.searchParams.get('size')), 7)),
  '/headers': (socket, _url, request) => socket.send(JSON.stringify(request.headers)),
};

function serve(server, closes) {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: { threshold: 128 },
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    socket.on('error', () => undefined);
    if (url.pathname === '/refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    if (url.pathname === '/silent') return;
    if (url.pathname === '/nonsense') {
      socket.end('this is not HTTP at all\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined);
      ws.on('close', (code, reason) =>
        closes.push({ path: url.pathname, code, reason: String(reason) }),
      );
      const raw = RAW_FRAMES[url.pathname];
      if (raw) socket.write(raw);
      else BEHAVIOURS[url.pathname]?.(ws, url, request);
    });
  });
  return sockets;
}

/**
 * Starts the servers on loopback ports of the system's choice.
 *
 * @param {{ certFile: string, keyFile: string }} certificate
 */
export async function startWebSocketServer(certificate) {
  /** @type {{ path: string, code: number, reason: string }[]} */
  const closes = [];
  const plain = createHttpServer();
  const secure = createHttpsServer({
    cert: readFileSync(certificate.certFile),
    key: readFileSync(certificate.keyFile),
  });
  const handlers = [serve(plain, closes), serve(secure, closes)];
  const tcp = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  const servers = [plain, secure, tcp];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const [port, tlsPort, tcpPort] = servers.map((server) => server.address().port);
  return {
    port,
    tlsPort,
    tcpPort,
    /** How connections ended as the server saw it. */
    closes,
    async stop() {
      for (const handler of handlers) for (const client of handler.clients) client.terminate();
      for (const server of servers) {
        server.closeAllConnections?.();
        server.close();
      }
    },
  };
}
