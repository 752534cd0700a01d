// Folders and texts over HTTP on loopback, for test pages and demos.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const MEDIA_TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.bin': 'application/octet-stream',
};

/**
 * @param {object} site
 * @param {Record<string, string>} [site.folders] by path prefix, e.g. `/packages/`; the first match counts
 * @param {Record<string, string>} [site.texts] by path, before folders
 * @param {() => Record<string, string>} [site.headers] of every answer
 * @param {number} [site.port] default: one that is free
 */
export async function serveFiles({ folders = {}, texts = {}, headers = () => ({}), port = 0 }) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const name = path.endsWith('/') ? `${path}index.html` : path;
    for (const [field, value] of Object.entries(headers())) response.setHeader(field, value);
    const type = MEDIA_TYPES[extname(name)];
    const prefix = Object.keys(folders).find((start) => name.startsWith(start));
    if (type !== undefined && texts[name] !== undefined) {
      response.setHeader('Content-Type', type);
      response.end(texts[name]);
      return;
    }
    const file = prefix === undefined ? '' : join(folders[prefix], name.slice(prefix.length));
    if (type === undefined || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end('not found\n');
      return;
    }
    response.setHeader('Content-Type', type);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => void server.listen(port, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve(undefined));
      }),
  };
}
