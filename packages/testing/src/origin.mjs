// The HTTPS origin: a real nginx with pages of known bytes, in front of a small Node server that
// echoes. Its log tells from which address requests came.
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { freePort, runProcess, temporaryFolder } from './process.mjs';

/** Sizes of the pages /page-N.html, bytes. */
export const PAGE_SIZES = [1, 1024, 100 * 1024, 1024 * 1024];

/** Bytes of a page: text, so that a terminal can show it, and different at every place. */
export function pageBytes(size) {
  const line = (i) => `line ${i} of a page that travelled through five hops\n`;
  let text = '';
  for (let i = 0; text.length < size; i++) text += line(i);
  return Buffer.from(text.slice(0, size));
}

async function startEcho() {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('X-Method', request.method ?? '');
      response.setHeader('X-Request-Headers', JSON.stringify(request.rawHeaders));
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.setHeader('Content-Type', request.headers['content-type'] ?? 'text/plain');
      const status = /^\/echo\/status\/(\d{3})$/.exec(request.url ?? '')?.[1];
      const location = new URL(request.url ?? '', 'http://x').searchParams.get('to');
      if (location !== null) response.setHeader('Location', location);
      response.writeHead(status ? Number(status) : location === null ? 200 : 302);
      response.end(status === '204' || status === '304' ? undefined : Buffer.concat(chunks));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  };
}

/**
 * @param {{ certFile: string, keyFile: string }} certificate
 * @param {{ certFile: string, keyFile: string }} [expired] served on a port of its own
 * @param {Record<string, string>} [pages] further pages: path -> text
 */
export async function startOrigin(certificate, expired = certificate, pages = {}) {
  const folder = temporaryFolder('origin');
  const root = join(folder.path, 'www');
  mkdirSync(root);
  for (const size of PAGE_SIZES) writeFileSync(join(root, `page-${size}.html`), pageBytes(size));
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(root, name), text);
  const echo = await startEcho();
  const httpsPort = await freePort();
  const httpPort = await freePort();
  const expiredPort = await freePort();
  const log = join(folder.path, 'access.log');
  const configuration = join(folder.path, 'nginx.conf');
  const server = (listen, files) => `
    server {
      ${listen}
      ${files ? `ssl_certificate ${files.certFile}; ssl_certificate_key ${files.keyFile};` : ''}
      root ${root};
      location / {
        add_header Access-Control-Allow-Origin *;
        add_header Access-Control-Expose-Headers *;
        add_header X-Seen-From $remote_addr;
      }
      location /echo { proxy_pass http://127.0.0.1:${echo.port}; proxy_set_header Host $http_host; }
      location = /early-close { return 444; }
    }`;
  writeFileSync(
    configuration,
    `daemon off; master_process off; pid ${join(folder.path, 'nginx.pid')}; error_log stderr notice;
events { worker_connections 256; }
http {
  types { text/html html; text/plain txt; image/svg+xml svg; application/wasm wasm; text/javascript js; text/css css; }
  default_type application/octet-stream;
  access_log ${log} combined;
  client_max_body_size 64m;
  client_body_temp_path ${folder.path}; proxy_temp_path ${folder.path};
  fastcgi_temp_path ${folder.path}; uwsgi_temp_path ${folder.path}; scgi_temp_path ${folder.path};
  ssl_protocols TLSv1.2 TLSv1.3;
  ${server(`listen 127.0.0.1:${httpsPort} ssl; listen [::1]:${httpsPort} ssl;`, certificate)}
  ${server(`listen 127.0.0.1:${httpPort};`, undefined)}
  ${server(`listen 127.0.0.1:${expiredPort} ssl;`, expired)}
}
`,
  );
  const nginx = await runProcess(
    '/usr/sbin/nginx',
    ['-c', configuration, '-p', folder.path],
    (out) => /start worker processes|using the "epoll"/.test(out),
  );
  return {
    httpsPort,
    httpPort,
    expiredPort,
    folder: root,
    /** Lines of the access log so far. */
    requests: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    async stop() {
      await nginx.stop();
      await echo.stop();
      folder.dispose();
    },
  };
}
