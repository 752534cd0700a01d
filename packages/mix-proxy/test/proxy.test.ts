// The proxy's two protocols, with connections over loopback in the place of the mixnet's.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Duplex } from 'node:stream';

import { startProxy, type Proxy } from '@mixweb/mix-proxy';
import { MixError } from '@mixweb/mix-tunnel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let origin: http.Server;
let port: number;
let proxy: Proxy;
let dialled: string[];
let refuseWith: MixError | undefined;
const heard: { url: string | undefined; headers: http.IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  origin = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      heard.push({ url: request.url, headers: request.headers, body });
      const text = `got ${body}`;
      const headers = { 'x-seen': 'yes', connection: 'x-hop, close', 'x-hop': 'gone' };
      response.writeHead(201, { ...headers, 'content-length': text.length });
      response.end(text);
    });
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  ({ port } = origin.address() as net.AddressInfo);
  proxy = await startProxy({
    port: 0,
    connect: async (host, wanted, { signal }) => {
      dialled.push(`${host}:${wanted}`);
      if (refuseWith) throw refuseWith;
      const socket = net.connect({ port, host: '127.0.0.1', signal });
      await once(socket, 'connect');
      return Duplex.toWeb(socket) as never;
    },
  });
});
afterAll(async () => {
  await proxy.close();
  origin.close();
});
beforeEach(() => {
  dialled = [];
  refuseWith = undefined;
});

/** Sends all at once and resolves with all that came back, when the proxy has closed. */
async function exchange(bytes: Uint8Array | string, end?: 'end'): Promise<Buffer> {
  const socket = net.connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(bytes);
  if (end) socket.end();
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const GREETING = [5, 1, 0];
const PORT_80 = [0, 80];
const name = (text: string): number[] => [3, text.length, ...Buffer.from(text)];
const GET = Buffer.from('GET /a HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n');

describe('SOCKS5', () => {
  it.each([
    ['a name', name('h.example'), 'h.example:80'],
    ['IPv4', [1, 192, 0, 2, 7], '192.0.2.7:80'],
    ['IPv6', [4, 0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 9], '2001:db8:0:0:0:0:0:9:80'],
  ])('connects to %s and carries bytes both ways', async (_, address, wanted) => {
    const bytes = Buffer.from([...GREETING, 5, 1, 0, ...address, ...PORT_80, ...GET]);
    const back = await exchange(bytes);
    expect([...back.subarray(0, 12)]).toEqual([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(back.subarray(12).toString()).toMatch(/^HTTP\/1\.1 201 [^]*got $/);
    expect(dialled).toEqual([wanted]);
  });

  it('takes a handshake byte by byte', async () => {
    const socket = net.connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    for (const byte of [...GREETING, 5, 1, 0, ...name('slow.example'), ...PORT_80]) {
      await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    }
    socket.end(GET);
    let back = '';
    for await (const chunk of socket) back += (chunk as Buffer).toString('latin1');
    expect(back).toMatch(/HTTP\/1\.1 201 /);
    expect(dialled).toEqual(['slow.example:80']);
  });

  it.each<[string, number[], number[]]>([
    ['authentication only', [5, 1, 2], [5, 0xff]],
    ['BIND', [...GREETING, 5, 2, 0, ...name('h'), ...PORT_80], [5, 0, 5, 7, 0, 1]],
    ['UDP', [...GREETING, 5, 3, 0, ...name('h'), ...PORT_80], [5, 0, 5, 7, 0, 1]],
    ['an unknown address type', [...GREETING, 5, 1, 0, 9, 0, 0, 0], [5, 0, 5, 8, 0, 1]],
    ['an end in the middle', [...GREETING, 5, 1], [5, 0]],
  ])('refuses %s', async (_, sent, answer) => {
    const back = await exchange(Buffer.from(sent), 'end');
    expect([...back.subarray(0, answer.length)]).toEqual(answer);
    expect(dialled).toEqual([]);
  });

  it.each([
    ['CONNECT_REFUSED', 5],
    ['DNS_NOT_FOUND', 4],
    ['CONNECT_TIMEOUT', 6],
    ['EXIT_POLICY', 2],
    ['NOT_READY', 1],
  ] as const)('answers %s with reply %i', async (code, reply) => {
    refuseWith = new MixError(code, 'no');
    const back = await exchange(
      Buffer.from([...GREETING, 5, 1, 0, ...name('h.example'), ...PORT_80]),
    );
    expect([...back.subarray(2, 4)]).toEqual([5, reply]);
  });
});

describe('the HTTP proxy', () => {
  it('carries bytes after CONNECT', async () => {
    const back = await exchange(`CONNECT h.example:443 HTTP/1.1\r\n\r\n${GET.toString()}`);
    expect(back.toString()).toMatch(
      /^HTTP\/1\.1 200 Connection Established\r\n\r\nHTTP\/1\.1 201 [^]*got $/,
    );
    expect(dialled).toEqual(['h.example:443']);
  });

  it('forwards absolute URLs without the fields of one hop', async () => {
    heard.length = 0;
    const back = await exchange(
      'POST http://h.example:8080/a?b HTTP/1.1\r\nHost: other\r\nX-Mine: 1\r\n' +
        'Proxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\n' +
        'Connection: close, X-Private\r\nX-Private: 1\r\nContent-Length: 5\r\n\r\nhello',
    );
    expect(back.toString()).toMatch(/^HTTP\/1\.1 201 [^]*x-seen: yes[^]*got hello/i);
    expect(back.toString()).not.toMatch(/x-hop: gone/i);
    expect(dialled).toEqual(['h.example:8080']);
    expect(heard).toMatchObject([
      { url: '/a?b', body: 'hello', headers: { host: 'h.example:8080', 'x-mine': '1' } },
    ]);
    for (const field of ['x-private', 'proxy-authorization', 'proxy-connection']) {
      expect(heard[0]?.headers).not.toHaveProperty(field);
    }
  });

  it.each([
    ['/page', /400 Bad Request[^]*this is a proxy/],
    ['https://h.example/', /400 Bad Request[^]*CONNECT/],
    ['http://user:secret@h.example/', /400 Bad Request/],
  ])('refuses GET %s', async (target, wanted) => {
    const back = await exchange(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    expect(back.toString()).toMatch(wanted);
    expect(dialled).toEqual([]);
  });

  it('tells what failed', async () => {
    refuseWith = new MixError('DNS_NOT_FOUND', 'DNS error: no such name');
    expect((await exchange('CONNECT h:443 HTTP/1.1\r\n\r\n')).toString()).toMatch(
      /^HTTP\/1\.1 502 [^]*no such name/,
    );
    refuseWith = new MixError('CONNECT_TIMEOUT', 'slow');
    const get = 'GET http://h/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
    expect((await exchange(get)).toString()).toMatch(/^HTTP\/1\.1 504 [^]*slow/);
    expect((await exchange('CONNECT nonsense HTTP/1.1\r\n\r\n')).toString()).toMatch(/ 400 /);
  });
});
