// A local proxy over the shared tunnel. SOCKS5 and HTTP come in at one port; the first byte tells
// them apart. Whatever fails is told to the client: nothing goes around the tunnel.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { mixConnect } from '@mixweb/mix-websocket';

import { answer, readRequest, Reply, SocksError } from './socks5.mjs';

const SOCKS5_FIRST_BYTE = 5;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_CONNECTIONS = 256;

/** Fields of one hop; RFC 9110 §7.6.1. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const REPLIES = {
  BAD_URL: Reply.hostUnreachable,
  CONNECT_REFUSED: Reply.refused,
  CONNECT_TIMEOUT: Reply.timedOut,
  DNS_NOT_FOUND: Reply.hostUnreachable,
  DNS_SERVFAIL: Reply.hostUnreachable,
  DNS_TIMEOUT: Reply.timedOut,
  EXIT_POLICY: Reply.notAllowed,
};

const isTimeout = (error) => /TIMEOUT/.test(String(error?.code));

/** Reads exact numbers of bytes off a paused socket; rejects when it ends early. */
function reader(socket) {
  const events = ['readable', 'end', 'close'];
  let look = () => undefined;
  const onEvent = () => look();
  for (const event of events) socket.on(event, onEvent);
  const read = (size) =>
    new Promise((resolve, reject) => {
      look = () => {
        const bytes = size === 0 ? Buffer.alloc(0) : socket.read(size);
        if (bytes?.length === size) {
          look = () => undefined;
          resolve(bytes);
        } else if (bytes !== null || socket.readableEnded || socket.destroyed) {
          look = () => undefined;
          reject(new SocksError('the client left during the handshake'));
        }
      };
      look();
    });
  /** Before the socket goes to somebody else: it does not flow while one listens for 'readable'. */
  const release = () => {
    for (const event of events) socket.off(event, onEvent);
  };
  return { read, release };
}

/** Both directions until both have ended; a failure of one ends the other. */
async function join(client, remote) {
  await Promise.all([pipeline(client, remote), pipeline(remote, client)]).catch(() => undefined);
  client.destroy();
  remote.destroy();
}

/** The fields of a message for the next hop, names and values in turn. The host is ours to name. */
function endToEnd({ rawHeaders, headers }) {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const stays = new Set([...HOP_BY_HOP, ...named, 'host']);
  const fields = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!stays.has(rawHeaders[i].toLowerCase())) fields.push(rawHeaders[i], rawHeaders[i + 1]);
  }
  return fields;
}

/** Host and port of a CONNECT's target; RFC 9112 §3.2.3. */
function authority(target) {
  const match = /^(\[[0-9a-f:.]+\]|[^:@/]+):(\d{1,5})$/i.exec(target);
  if (!match) return undefined;
  return { host: match[1].replace(/^\[|\]$/g, ''), port: Number(match[2]) };
}

/**
 * Listens until `close()`. The tunnel must have been set up.
 *
 * options.host            where to listen, default 127.0.0.1: the proxy asks for no password
 * options.port            default 1080; 0 takes a free one
 * options.maxConnections  more than these are closed at once, default 256
 * options.connect         (host, port, { signal }) => MixSocket; default `mixConnect`
 */
export async function startProxy({
  host = '127.0.0.1',
  port = 1080,
  maxConnections = DEFAULT_MAX_CONNECTIONS,
  connect = mixConnect,
} = {}) {
  const stopped = new AbortController();

  /** A Duplex over a new connection through the mixnet. It ends with the client. */
  async function dial(target, client) {
    const left = new AbortController();
    client.once('close', () => left.abort());
    const signal = AbortSignal.any([left.signal, stopped.signal]);
    const socket = await connect(target.host, target.port, { signal });
    const remote = Duplex.fromWeb({ readable: socket.readable, writable: socket.writable });
    remote.on('error', () => undefined); // told to whoever reads or writes
    return remote;
  }

  async function serveSocks(client) {
    const timer = setTimeout(() => client.destroy(), HANDSHAKE_TIMEOUT_MS);
    const { read, release } = reader(client);
    try {
      const request = await readRequest({ read, write: (bytes) => client.write(bytes) });
      clearTimeout(timer);
      release();
      const remote = await dial(request, client);
      client.write(answer(Reply.succeeded));
      await join(client, remote);
    } catch (error) {
      clearTimeout(timer);
      const told =
        error instanceof SocksError ? error.answer : answer(REPLIES[error.code] ?? Reply.failed);
      if (told && client.writable) client.end(told);
      else client.destroy();
    }
  }

  const httpServer = http.createServer({ allowHalfOpen: true });
  httpServer.on('connect', (request, client, head) => {
    client.on('error', () => client.destroy());
    const target = authority(request.url);
    if (!target) {
      client.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      return;
    }
    dial(target, client).then(
      (remote) => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        if (head.length > 0) client.unshift(head);
        return join(client, remote);
      },
      (error) => {
        const status = isTimeout(error) ? '504 Gateway Timeout' : '502 Bad Gateway';
        const text = `${error.message}\n`;
        client.end(
          `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nConnection: close\r\n` +
            `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
        );
      },
    );
  });
  httpServer.on('request', (request, response) => {
    const refuse = (status, text) => {
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
      response.end(`${text}\n`);
    };
    let url;
    try {
      url = new URL(request.url);
    } catch {
      // Also what keeps a web page from talking to the proxy as if it were a server.
      refuse(400, 'this is a proxy: expected an absolute http:// URL or CONNECT');
      return;
    }
    if (url.protocol !== 'http:' || url.username !== '' || url.password !== '') {
      refuse(400, 'expected an http:// URL without credentials; other schemes take CONNECT');
      return;
    }
    void forward(request, response, url).catch((error) => {
      if (response.headersSent) response.destroy();
      else refuse(isTimeout(error) ? 504 : 502, error.message);
    });
  });

  async function forward(request, response, url) {
    const remote = await dial(
      { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) },
      request.socket,
    );
    response.once('close', () => remote.destroy());
    const onward = http.request({
      createConnection: () => remote,
      method: request.method,
      path: `${url.pathname}${url.search}`,
      headers: [...endToEnd(request), 'Host', url.host, 'Connection', 'close'],
      setHost: false,
    });
    const answered = once(onward, 'response');
    await Promise.all([
      pipeline(request, onward),
      answered.then(([incoming]) => {
        response.writeHead(incoming.statusCode, incoming.statusMessage, endToEnd(incoming));
        return pipeline(incoming, response);
      }),
    ]);
  }

  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.maxConnections = maxConnections;
  const clients = new Set();
  server.on('connection', (client) => {
    client.setMaxListeners(0); // both pipelines listen to it, and Node's parser
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    const timer = setTimeout(() => client.destroy(), HANDSHAKE_TIMEOUT_MS);
    client.once('close', () => clearTimeout(timer));
    client.once('readable', () => {
      clearTimeout(timer);
      const first = client.read(1);
      if (first === null) {
        client.destroy();
        return;
      }
      client.unshift(first);
      if (first[0] === SOCKS5_FIRST_BYTE) void serveSocks(client);
      else httpServer.emit('connection', client);
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    host: address.address,
    port: address.port,
    /** Ends every connection. */
    async close() {
      const closed = once(server, 'close');
      stopped.abort();
      server.close();
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
