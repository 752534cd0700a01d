// A small chat server (npm `ws`): one room, which remembers the last messages.
//   node server.mjs [PORT]
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { WebSocketServer } from 'ws';

const SUB_PROTOCOL = 'chat.mixweb.1';
const MEMORY = 100;
const MAX_NAME = 40;
const MAX_TEXT = 2000;
const MAX_MESSAGE_BYTES = 16 * 1024;
const GOODBYE_MS = 2000;

const isText = (value, max) => typeof value === 'string' && value !== '' && value.length <= max;

/**
 * Adds the chat to an HTTP or HTTPS server.
 *
 * @param {import('node:http').Server} server
 */
export function serveChat(server) {
  const sockets = new WebSocketServer({
    server,
    maxPayload: MAX_MESSAGE_BYTES,
    // Who has said goodbye may be gone before the connection's last packet.
    closeTimeout: GOODBYE_MS,
    handleProtocols: (offered) => (offered.has(SUB_PROTOCOL) ? SUB_PROTOCOL : false),
  });
  /** Those who joined: socket -> name. */
  const people = new Map();
  /** @type {{ id: number, from: string, text: string, by: object }[]} */
  const memory = [];
  let lastId = 0;

  const tell = (socket, news) => socket.send(JSON.stringify(news));
  const tellSaid = (socket, { id, from, text, by }) =>
    tell(socket, { kind: 'said', id, from, text, own: by === socket });
  const tellCount = () => {
    for (const socket of people.keys()) tell(socket, { kind: 'people', count: people.size });
  };

  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('close', () => people.delete(socket) && tellCount());
    socket.on('message', (data) => {
      let order;
      try {
        order = JSON.parse(String(data));
      } catch {
        return socket.close(1007, 'not JSON');
      }
      const name = people.get(socket);
      if (order?.kind === 'join' && name === undefined && isText(order.name, MAX_NAME)) {
        people.set(socket, order.name);
        const after = Number(order.after) || 0;
        for (const message of memory) if (message.id > after) tellSaid(socket, message);
        return tellCount();
      }
      if (order?.kind === 'say' && name !== undefined && isText(order.text, MAX_TEXT)) {
        const message = { id: ++lastId, from: name, text: order.text, by: socket };
        memory.push(message);
        if (memory.length > MEMORY) memory.shift();
        for (const each of people.keys()) tellSaid(each, message);
        return undefined;
      }
      return socket.close(1008, 'not understood');
    });
  });
  return {
    /** Ends every connection, as a restart of the server would. */
    cut: () => {
      for (const socket of sockets.clients) socket.terminate();
    },
    stop: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createServer();
  serveChat(server);
  server.listen(Number(process.argv[2] ?? 8080), () => {
    console.log(`chat on port ${server.address().port}; put TLS in front of it`);
  });
}
