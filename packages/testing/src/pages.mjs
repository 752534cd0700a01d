// The test pages: the built packages on `globalThis.mix`, as web servers, native shells and files
// would give them to a page.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

import { temporaryFolder } from './process.mjs';
import { serveFiles } from './serve-files.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const FACADES = ['mix-fetch', 'mix-client', 'mix-dns', 'mix-websocket'];

/** Puts all packages on one global. */
const MAIN = `import * as tunnel from '@mixweb/mix-tunnel';
${FACADES.map((name, i) => `import * as facade${i} from '@mixweb/${name}';`).join('\n')}
globalThis.mix = { ...tunnel, ${FACADES.map((_, i) => `...facade${i}`).join(', ')} };
`;

/** @typedef {'index' | 'separate'} Entry of mix-tunnel */

/** @param {Entry} entry @param {string} base origin of the packages, or nothing for the page's */
const importMap = (entry, base) =>
  JSON.stringify({
    imports: {
      '@mixweb/mix-tunnel': `${base}/packages/mix-tunnel/dist/${entry}.js`,
      ...Object.fromEntries(
        FACADES.map((name) => [`@mixweb/${name}`, `${base}/packages/${name}/dist/index.js`]),
      ),
    },
  });

/** @param {string} head */
const html = (head) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>test</title>${head}`;

/** @param {Entry} entry @param {string} base */
const mapOnly = (entry, base) =>
  html(`<script type="importmap">${importMap(entry, base)}</script>`);
/** @param {Entry} entry @param {string} base */
const page = (entry, base) =>
  `${mapOnly(entry, base)}\n<script type="module" src="${base}/test-main.js"></script>`;

/**
 * Serves a test page for each entry of mix-tunnel, the packages, and further scripts.
 *
 * @param {{ scripts?: Record<string, string>, folders?: Record<string, string> }} [options] by path,
 *   e.g. `/odd-worker.js`, and by path prefix
 */
export async function servePages({ scripts = {}, folders = {} } = {}) {
  /** @type {string | undefined} */
  let policy;
  const { origin, stop } = await serveFiles({
    folders: { '/packages/': join(root, 'packages'), ...folders },
    texts: {
      '/test-index.html': page('index', ''),
      '/test-separate.html': page('separate', ''),
      '/test-bare.html': mapOnly('index', ''),
      '/test-main.js': MAIN,
      ...scripts,
    },
    headers: () => ({
      // Pages without an origin of their own import from here, too.
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'no-store',
      ...(policy === undefined ? {} : { 'Content-Security-Policy': policy }),
    }),
  });
  return {
    origin,
    /** @param {Entry} entry */
    url: (entry) => `${origin}/test-${entry}.html`,
    /** A page that knows the packages by name and has imported none. */
    bareUrl: `${origin}/test-bare.html`,
    /** Content-Security-Policy of every answer from now on. @param {string | undefined} text */
    setPolicy: (text) => void (policy = text),
    /** The page's text for documents that have no address of their own. @param {Entry} entry */
    document: (entry) => page(entry, origin),
    /** What a policy must name so that the test page's only inline script, its import map, counts. @param {Entry} entry */
    importMapHash: (entry) =>
      `'sha256-${createHash('sha256').update(importMap(entry, '')).digest('base64')}'`,
    stop,
  };
}

/** Writes the test page as files: one classic script holds everything, as `file:` pages need it. */
export async function writePageFiles() {
  const folder = temporaryFolder('file-page');
  await build({
    stdin: { contents: MAIN, resolveDir: root },
    tsconfigRaw: {}, // the packages as they are built, not their sources
    bundle: true,
    format: 'iife',
    logLevel: 'error',
    outfile: join(folder.path, 'main.js'),
  });
  const file = join(folder.path, 'index.html');
  writeFileSync(file, html('<script src="main.js"></script>'));
  return { url: pathToFileURL(file).href, dispose: folder.dispose };
}
