// example.com as the guides use it: a page, a file, an API and a WebSocket, behind the local exit.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

import { WebSocketServer } from 'ws';

const PAGE = '<!doctype html>\n<html lang="en"><title>Example</title><p>An example.</p></html>\n';
const FILE_SIZE = 100_000;

/** @param {{ issue(names: string[]): { certFile: string, keyFile: string } }} authority */
export async function startExampleCom(authority) {
  const { certFile, keyFile } = authority.issue(['example.com']);
  const answers = {
    '/': ['text/html; charset=utf-8', PAGE],
    '/file.bin': ['application/octet-stream', Buffer.alloc(FILE_SIZE, 7)],
  };
  const server = createServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    (request, response) => {
      if (request.url === '/api/echo') {
        response.setHeader('Content-Type', request.headers['content-type'] ?? 'text/plain');
        request.pipe(response);
        return;
      }
      const [type, body] = answers[request.url] ?? [];
      if (body === undefined) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length }).end(body);
    },
  );
  const sockets = new WebSocketServer({ server, path: '/echo' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: {
      names: ['example.com'],
      address: '198.60.22.20',
      ports: { 443: server.address().port },
    },
    stop() {
      sockets.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
