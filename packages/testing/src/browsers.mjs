// Real browsers on a test page that imports the built packages.
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import puppeteer from 'puppeteer-core';

import { temporaryFolder } from './process.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>test</title>
<script type="importmap">{"imports": {
  "@mixweb/mix-tunnel": "/packages/mix-tunnel/dist/ENTRY.js",
  "@mixweb/mix-fetch": "/packages/mix-fetch/dist/index.js",
  "@mixweb/mix-client": "/packages/mix-client/dist/index.js",
  "@mixweb/mix-dns": "/packages/mix-dns/dist/index.js",
  "@mixweb/mix-websocket": "/packages/mix-websocket/dist/index.js"
}}</script>
<script type="module">
  import * as tunnel from '@mixweb/mix-tunnel';
  import * as mixFetch from '@mixweb/mix-fetch';
  import * as mixClient from '@mixweb/mix-client';
  import * as mixDns from '@mixweb/mix-dns';
  import * as mixWebSocket from '@mixweb/mix-websocket';
  globalThis.mix = { ...tunnel, ...mixFetch, ...mixClient, ...mixDns, ...mixWebSocket };
</script>`;

/** @type {Record<string, string>} */
const TYPES = { js: 'text/javascript', wasm: 'application/wasm' };

/** Serves a test page for each entry of mix-tunnel, and the packages. */
export async function servePages() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const entry = /^\/test-(index|separate)\.html$/.exec(pathname)?.[1];
    if (entry !== undefined) {
      response.setHeader('Content-Type', 'text/html');
      response.end(PAGE.replace('ENTRY', entry));
      return;
    }
    const file = join(root, normalize(pathname));
    const type = TYPES[pathname.split('.').pop() ?? ''];
    if (!pathname.startsWith('/packages/') || type === undefined || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('Content-Type', type);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => void server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    /** @param {'index' | 'separate'} entry */
    url: (entry) => `http://127.0.0.1:${port}/test-${entry}.html`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve(undefined));
      }),
  };
}

// As root, and without the calls home that a browser makes at its start.
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=OptimizationHints,MediaRouter',
];
const IMPORT_TIMEOUT_MS = 20_000;

/**
 * Remote addresses of the TCP connections that a Chromium net log tells of.
 *
 * @param {string} file
 * @returns {Promise<string[]>}
 */
async function connectedAddresses(file) {
  const log = JSON.parse(await readFile(file, 'utf8'));
  const attempt = log.constants.logEventTypes.TCP_CONNECT_ATTEMPT;
  const addresses = log.events
    .filter((event) => event.type === attempt)
    .map((event) => event.params?.address)
    .filter((address) => address !== undefined);
  return [...new Set(addresses)];
}

/** @param {'chromium' | 'firefox'} name */
export async function launchBrowser(name) {
  const folder = temporaryFolder(name);
  const netLog = join(folder.path, 'net.json');
  const browser =
    name === 'chromium'
      ? await puppeteer.launch({
          browser: 'chrome',
          executablePath: '/usr/bin/chromium',
          headless: true,
          userDataDir: join(folder.path, 'profile'),
          args: [...CHROMIUM_ARGS, `--log-net-log=${netLog}`],
        })
      : await puppeteer.launch({
          browser: 'firefox',
          executablePath: '/usr/bin/firefox-esr',
          headless: true,
        });
  return {
    browser,
    /**
     * Opens the test page and waits until the packages are imported.
     *
     * @param {string} url
     */
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url);
      // Polling by evaluate works under any CSP, unlike waitForFunction.
      const deadline = Date.now() + IMPORT_TIMEOUT_MS;
      while (!(await page.evaluate(() => 'mix' in globalThis))) {
        if (Date.now() > deadline) throw new Error('the packages were not imported in time');
      }
      return page;
    },
    /** Closes the browser; in Chromium resolves with every address that it connected to. */
    async close() {
      await browser.close();
      const addresses = name === 'chromium' ? await connectedAddresses(netLog) : [];
      folder.dispose();
      return addresses;
    },
  };
}
