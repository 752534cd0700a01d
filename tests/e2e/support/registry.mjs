// An npm registry on loopback: the packages of this repository as they would be published, and
// those of node_modules, for `npm install` in clean folders. Nothing is asked of any other.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { temporaryFolder } from '@mixweb/testing';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Where a package's files are here, or undefined. */
function folderOf(name) {
  const own = name.startsWith('@mixweb/') && join(root, 'packages', name.slice('@mixweb/'.length));
  const folder = own || join(root, 'node_modules', name);
  return /^(@[\w.-]+\/)?[\w.-]+$/.test(name) && existsSync(join(folder, 'package.json'))
    ? folder
    : undefined;
}

export async function startRegistry() {
  const store = temporaryFolder('registry');
  const packed = new Map();
  /** Packs what `npm publish` would send. */
  const pack = async (name, folder) => {
    const destination = join(store.path, name.replace('/', '+'));
    mkdirSync(destination, { recursive: true });
    // Our own bring programs that they make then.
    const scripts = `--ignore-scripts=${!name.startsWith('@mixweb/')}`;
    const args = ['pack', scripts, '--silent', '--pack-destination', destination, folder];
    await run('npm', args, { cwd: root });
    const [file] = readdirSync(destination);
    const bytes = readFileSync(join(destination, file));
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return {
      bytes,
      manifest,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    };
  };
  const find = (name) => {
    const folder = folderOf(name);
    if (folder === undefined) return undefined;
    if (!packed.has(name)) packed.set(name, pack(name, folder));
    return packed.get(name);
  };
  const answer = async (request, response) => {
    const [name, file] = decodeURIComponent(request.url.slice(1)).split('/-/');
    const found = await find(name);
    if (found === undefined) {
      response.writeHead(404).end('{}');
      return;
    }
    if (file !== undefined) {
      response.end(found.bytes);
      return;
    }
    const { manifest, integrity } = found;
    const { version } = manifest;
    const tarball = `http://127.0.0.1:${server.address().port}/${name}/-/package.tgz`;
    const described = { ...manifest, scripts: {}, dist: { tarball, integrity } };
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify({
        name,
        'dist-tags': { latest: version },
        versions: { [version]: described },
      }),
    );
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    /** For npm's cache. */
    folder: store.path,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      store.dispose();
    },
  };
}
