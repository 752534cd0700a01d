// A name server for test names, over UDP, TCP, TLS and HTTPS. It logs the questions that reach it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import packet from 'dns-packet';

import { freePort } from './process.mjs';

const SERVER_FAILURE = 2;
const NAME_ERROR = 3;
const MAX_DATAGRAM = 1232;
const MAX_CHAIN = 12;
const TTL = 60;

/** Types that dns-packet does not know by name; their data is raw. */
const TYPE_NAMES = { UNKNOWN_64: 'SVCB', UNKNOWN_65: 'HTTPS' };

const authority = (name) => ({
  type: 'SOA',
  name: name.split('.').slice(-1)[0] ?? '',
  ttl: TTL,
  data: {
    mname: 'ns.example',
    rname: 'admin.example',
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 30,
  },
});

/** What the zone says to a question, chains of CNAMEs included. */
function answersOf(zone, question, typeName) {
  const answers = [];
  let name = question.name;
  for (let hop = 0; hop < MAX_CHAIN; hop++) {
    const records = zone[name.toLowerCase()];
    const found = records?.[typeName] ?? [];
    for (const data of found) answers.push({ type: question.type, name, ttl: TTL, data });
    const [target] = records?.CNAME ?? [];
    if (found.length > 0 || target === undefined || typeName === 'CNAME') break;
    answers.push({ type: 'CNAME', name, ttl: TTL, data: target });
    name = target;
  }
  return { answers, exists: zone[question.name.toLowerCase()] !== undefined };
}

/** Length before message, as DNS over TCP frames it. */
function framed(message) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Answers the questions of one TCP or TLS connection. */
function serveStream(socket, reply) {
  let received = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      const end = 2 + received.readUInt16BE();
      const answer = reply(received.subarray(2, end), socket.remoteAddress);
      received = received.subarray(end);
      if (answer) socket.write(framed(answer));
    }
  });
}

/**
 * Behaviours by name: `silent` (no answer over UDP), `drop-first` (the first question is lost),
 * `forged` (wrong answers by wrong id, question and case come before the right one), `servfail`.
 *
 * @param {Record<string, Record<string, unknown[]>>} zone by lower-case name, then by type
 * @param {{ certFile: string, keyFile: string }} [certificate] for TLS and HTTPS
 * @param {Record<string, 'silent' | 'drop-first' | 'forged' | 'servfail'>} [behaviours]
 */
export async function startNameServer(zone, certificate, behaviours = {}) {
  /** @type {{ name: string, type: string, from: string, transport: string }[]} */
  const questions = [];
  /** Connections so far. */
  const connections = { tcp: 0, tls: 0, https: 0 };
  const dropped = new Set();

  const replyTo = (message, from, transport) => {
    let query;
    try {
      query = packet.decode(message);
    } catch {
      return undefined; // not a question: no answer
    }
    const [question] = query.questions ?? [];
    if (!question) return undefined;
    const type = TYPE_NAMES[question.type] ?? question.type;
    const name = question.name.toLowerCase();
    questions.push({ name, type, from, transport });
    const behaviour = behaviours[name];
    const { answers, exists } = answersOf(zone, question, type);
    const code = behaviour === 'servfail' ? SERVER_FAILURE : exists ? 0 : NAME_ERROR;
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | code;
    const encode = (more = {}) =>
      packet.encode({
        type: 'response',
        id: query.id,
        flags,
        questions: query.questions,
        answers: code === 0 ? answers : [],
        authorities: answers.length === 0 ? [authority(name)] : [],
        ...more,
      });
    return { name, type, behaviour, encode };
  };

  const udp = createSocket('udp4');
  udp.on('message', (message, peer) => {
    const reply = replyTo(message, peer.address, 'udp');
    if (!reply) return;
    const send = (bytes) => udp.send(bytes, peer.port, peer.address);
    const { name, type, behaviour, encode } = reply;
    if (behaviour === 'silent') return;
    const key = `${name} ${type}`;
    if (behaviour === 'drop-first' && !dropped.has(key)) {
      dropped.add(key);
      return;
    }
    if (behaviour === 'forged') {
      const evil = [{ type: 'A', name, ttl: TTL, data: '203.0.113.66' }];
      const id = packet.decode(message).id;
      send(encode({ id: (id + 1) & 0xffff, answers: evil }));
      send(encode({ answers: evil, questions: [{ type: 'A', name: 'other.example' }] }));
      send(message); // our own question back
      send(Buffer.from('no DNS at all'));
    }
    const bytes = encode();
    if (bytes.length <= MAX_DATAGRAM) send(bytes);
    else send(encode({ flags: 0x0200 | packet.RECURSION_DESIRED, answers: [] }));
  });
  const port = await freePort();
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');

  const stream = (transport) => (socket) =>
    serveStream(socket, (message, from) => replyTo(message, from, transport)?.encode());
  const tcp = createTcpServer(stream('tcp'));
  tcp.on('connection', () => connections.tcp++);
  tcp.listen(port, '127.0.0.1');
  await once(tcp, 'listening');
  const servers = [tcp];
  // Kept connections outlive the questions on them.
  const sockets = new Set();
  const watch = (server) =>
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
  watch(tcp);

  let tlsPort, httpsPort;
  if (certificate) {
    const keys = {
      cert: readFileSync(certificate.certFile),
      key: readFileSync(certificate.keyFile),
    };
    const tls = createTlsServer(keys, stream('tls'));
    const https = createSecureServer({ ...keys, allowHTTP1: true }, (request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const reply = replyTo(Buffer.concat(chunks), request.socket.remoteAddress, 'https');
        const isRight =
          request.method === 'POST' &&
          request.url === '/dns-query' &&
          request.headers['content-type'] === 'application/dns-message';
        if (!reply || !isRight) {
          response.writeHead(400).end();
          return;
        }
        response.setHeader('Content-Type', 'application/dns-message');
        response.end(reply.encode());
      });
    });
    tls.on('secureConnection', () => connections.tls++);
    https.on('secureConnection', () => connections.https++);
    for (const server of [tls, https]) {
      watch(server);
      server.on('tlsClientError', () => undefined);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
    }
    tlsPort = tls.address().port;
    httpsPort = https.address().port;
  }
  return {
    port,
    tlsPort,
    httpsPort,
    questions,
    connections,
    async stop() {
      await new Promise((resolve) => void udp.close(resolve));
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}
