// Servers that do what a test asks of them: one handler over HTTP/1.1 and HTTP/2, nginx with
// HTTP/2 in front of it, JSON-RPC, and a raw TCP server that breaks HTTP in every way.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createSecureServer as createHttp2 } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

import { freePort, runProcess, temporaryFolder } from './process.mjs';

/** Public addresses that stand for the servers. */
const ADDRESS = {
  http1: '198.60.22.21',
  http2: '198.60.22.22',
  nginx2: '198.60.22.23',
  raw: '198.60.22.24',
};
export const RPC_HOSTS = Array.from({ length: 10 }, (_, i) => `rpc${i}.example`);

const CODERS = {
  gzip: gzipSync,
  deflate: deflateSync,
  'deflate-raw': deflateRawSync,
  br: brotliCompressSync,
};
export const PLAIN = 'text that is coded in several ways, again and again. '.repeat(2000);

/** Answers to a JSON-RPC call as an Ethereum node would. */
function rpcAnswer({ id, method, params }) {
  const results = {
    eth_chainId: '0x1',
    eth_blockNumber: '0x10d4f',
    eth_getBalance: '0xde0b6b3a7640000',
    net_version: '1',
  };
  if (method === 'eth_call') return { jsonrpc: '2.0', id, result: ensAnswer(params[0]) };
  const result = results[method];
  if (result !== undefined) return { jsonrpc: '2.0', id, result };
  return { jsonrpc: '2.0', id, error: { code: -32601, message: 'the method does not exist' } };
}

/** ENS: the registry names a resolver for every name, which names one address. */
function ensAnswer({ data }) {
  const word = (hex) => `0x${hex.padStart(64, '0')}`;
  const selector = data.slice(0, 10);
  if (selector === '0x0178b8bf') return word('4976fb03c32e5b8cfe2b6ccb31c09ba78ebaba41');
  if (selector === '0x3b3b57de') return word('d8da6bf26964af9d7eed9e03e53415d37aa96045');
  return word('0');
}

const body = async (request) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Fields that describe a response, without those that are HTTP/1.1's own. */
async function handle(request, response, log) {
  const url = new URL(request.url ?? '/', 'http://x');
  const [, action, argument = ''] = url.pathname.split('/');
  const entry = { method: request.method, url: request.url, version: request.httpVersion };
  log.requests.push({ ...entry, headers: request.headers });
  const send = (status, headers, content) => {
    response.writeHead(status, headers);
    response.end(content);
  };
  switch (action) {
    case 'echo': {
      const content = await body(request);
      const type = request.headers['content-type'] ?? 'application/octet-stream';
      const length = request.headers['content-length'] ?? 'none';
      return send(200, { 'content-type': type, 'x-request-length': length }, content);
    }
    case 'method':
      return send(
        200,
        { 'x-method': request.method, 'content-type': 'text/plain' },
        request.method,
      );
    case 'headers':
      return send(200, { 'content-type': 'application/json' }, JSON.stringify(request.headers));
    // Which of HTTP/1.1's connections carried the request.
    case 'connection': {
      const { remotePort } = request.socket;
      const resumed = request.socket.isSessionReused?.() ?? false;
      return send(200, {}, JSON.stringify({ remotePort, resumed }));
    }
    case 'bytes':
      return send(200, { 'content-length': argument }, Buffer.alloc(Number(argument), 'm'));
    case 'hash': {
      const hash = createHash('sha256');
      for await (const chunk of request) hash.update(chunk);
      return send(200, {}, hash.digest('hex'));
    }
    case 'endless': {
      response.writeHead(200);
      const chunk = Buffer.alloc(16 * 1024, 'e');
      const more = () => {
        while (!response.destroyed && response.write(chunk)) log.written += chunk.length;
      };
      response.on('drain', more);
      return more();
    }
    case 'coded':
      return send(
        200,
        {
          'content-encoding': url.searchParams.get('as') ?? argument,
          'content-type': 'text/plain',
        },
        CODERS[argument](PLAIN),
      );
    case 'bomb':
      return send(200, { 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    case 'redirect': {
      await body(request);
      const location = url.searchParams.get('to') ?? '/method';
      return send(Number(argument), { location, 'set-cookie': 'seen=redirect; Path=/' }, 'moved');
    }
    // Comes back to itself until its cookie does.
    case 'cookie-wall':
      if (request.headers.cookie?.includes('wall=open')) return send(200, {}, 'inside');
      return send(302, { location: request.url, 'set-cookie': 'wall=open; Path=/' }, '');
    case 'countdown': {
      const left = Number(argument);
      if (left === 0) return send(200, {}, 'done');
      return send(302, { location: `/countdown/${left - 1}` }, '');
    }
    case 'status':
      return send(Number(argument), {}, argument === '204' || argument === '304' ? undefined : 'x');
    case 'slow-head':
      return undefined;
    case 'slow-body':
      response.writeHead(200);
      return response.write('the beginning');
    case 'reset':
      response.writeHead(200);
      // Once it is on its way; what still waits would go down with the connection.
      return response.write('the beginning', () =>
        (response.stream?.session ?? response).destroy(),
      );
    case 'rpc': {
      const call = JSON.parse((await body(request)).toString());
      const answer = Array.isArray(call) ? call.map(rpcAnswer) : rpcAnswer(call);
      return send(200, { 'content-type': 'application/json' }, JSON.stringify(answer));
    }
    default:
      return send(404, {}, 'not here');
  }
}

/** Complete answers, byte for byte, to GET /<name>; then the connection ends. */
const RAW = {
  'short-length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this',
  'close-delimited': 'HTTP/1.1 200 OK\r\n\r\nuntil the end',
  'two-lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde',
  'length-and-chunked':
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'bad-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n',
  'cut-chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
  'folded-head': 'HTTP/1.1 200 OK\r\nX-One: 1\r\n 2\r\nContent-Length: 0\r\n\r\n',
  'split-head': 'HTTP/1.1 200 OK\r\nX-One: 1\rX-Two: 2\r\nContent-Length: 0\r\n\r\n',
  'huge-head': `HTTP/1.1 200 OK\r\nX-Huge: ${'h'.repeat(400_000)}\r\n\r\n`,
  'many-heads': `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(1000)}\r\n`,
  'no-http': 'SSH-2.0-OpenSSH_9.2\r\n',
  early: '',
  hints:
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfinal\r\n0\r\nX-Trailer: t\r\n\r\n',
  latin1: Buffer.from(
    'HTTP/1.1 200 Ol\xe9\r\nX-L: \xe4\xf6\r\nContent-Length: 0\r\n\r\n',
    'latin1',
  ),
};

const listen = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
};

/**
 * Starts all of them; `hosts` is for startInternet.
 *
 * @param {{ issue(names: string[]): { certFile: string, keyFile: string } }} authority
 */
export async function startBehaviours(authority) {
  const folder = temporaryFolder('behaviours');
  /** @type {{ method: string, url: string, version: string, headers: Record<string, string> }[]} */
  const requests = [];
  const log = { requests, written: 0, sockets: 0, http2Sessions: 0 };
  const handler = (request, response) =>
    handle(request, response, log).catch(() => response.destroy());
  const names = ['node.example', 'h2.example', 'nginx.example', ...RPC_HOSTS];
  const { certFile, keyFile } = authority.issue(names);
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };

  const http = createHttp({ keepAliveTimeout: 60_000 }, handler);
  const https = createHttps({ ...tls, keepAliveTimeout: 60_000 }, handler);
  const http2 = createHttp2({ ...tls, allowHTTP1: true }, handler);
  http.on('connection', () => log.sockets++);
  https.on('secureConnection', () => log.sockets++);
  http2.on('session', () => log.http2Sessions++);
  const tcp = createTcp((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      const name = /^GET \/(\S*)/.exec(data.toString('latin1'))?.[1] ?? '';
      socket.end(RAW[name] ?? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    });
  });
  const ports = {
    http: await listen(http),
    https: await listen(https),
    http2: await listen(http2),
    raw: await listen(tcp),
    nginx2: await freePort(),
  };
  const configuration = join(folder.path, 'nginx.conf');
  writeFileSync(
    configuration,
    `daemon off; master_process off; pid ${join(folder.path, 'nginx.pid')}; error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off; client_max_body_size 64m; keepalive_requests 10000;
  client_body_temp_path ${folder.path}; proxy_temp_path ${folder.path};
  fastcgi_temp_path ${folder.path}; uwsgi_temp_path ${folder.path}; scgi_temp_path ${folder.path};
  server {
    listen 127.0.0.1:${ports.nginx2} ssl http2;
    ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://127.0.0.1:${ports.http}; proxy_http_version 1.1;
      proxy_set_header Host $http_host; proxy_set_header X-Outer $server_protocol;
      add_header X-Protocol $server_protocol always; proxy_buffering off;
      proxy_request_buffering off; }
  }
}
`,
  );
  const nginx = await runProcess(
    '/usr/sbin/nginx',
    ['-c', configuration, '-p', folder.path],
    (out) => /start worker processes|using the "epoll"/.test(out),
  );
  return {
    log,
    hosts: [
      {
        names: ['node.example', 'xn--bcher-kva.example'],
        address: ADDRESS.http1,
        ports: { 80: ports.http, 443: ports.https },
      },
      { names: ['h2.example', ...RPC_HOSTS], address: ADDRESS.http2, ports: { 443: ports.http2 } },
      { names: ['nginx.example'], address: ADDRESS.nginx2, ports: { 443: ports.nginx2 } },
      { names: ['raw.example'], address: ADDRESS.raw, ports: { 80: ports.raw } },
    ],
    async stop() {
      await nginx.stop();
      for (const server of [http, https]) server.closeAllConnections();
      for (const server of [http, https, http2, tcp]) server.close();
      folder.dispose();
    },
  };
}
