// Real browsers on a test page that imports the built packages.
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { temporaryFolder } from '@mixweb/testing';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>test</title>
<script type="importmap">{"imports": {
  "@mixweb/mix-tunnel": "/packages/mix-tunnel/dist/ENTRY.js",
  "@mixweb/mix-fetch": "/packages/mix-fetch/dist/index.js"
}}</script>
<script type="module">
  import * as tunnel from '@mixweb/mix-tunnel';
  import * as mixFetch from '@mixweb/mix-fetch';
  globalThis.mix = { ...tunnel, ...mixFetch };
</script>`;

const TYPES: Record<string, string> = { js: 'text/javascript', wasm: 'application/wasm' };

export interface PageServer {
  /** URL of the test page for an entry of mix-tunnel. */
  url(entry: 'index' | 'separate'): string;
  stop(): Promise<void>;
}

/** Serves the test page and the packages, with the strict CSP that the README promises to suffice. */
export async function servePages(): Promise<PageServer> {
  const server: Server = createServer((request, response) => {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (entry) => `http://127.0.0.1:${port}/test-${entry}.html`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export type BrowserName = 'chromium' | 'firefox';

export interface TestBrowser {
  browser: Browser;
  /** Opens the test page and waits until the packages are imported. */
  open(url: string): Promise<Page>;
  /** Closes the browser; in Chromium resolves with every address that it connected to. */
  close(): Promise<string[]>;
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

interface NetLog {
  constants: { logEventTypes: Record<string, number> };
  events: { type: number; params?: { address?: string } }[];
}

/** Remote addresses of the TCP connections that a Chromium net log tells of. */
async function connectedAddresses(file: string): Promise<string[]> {
  const log = JSON.parse(await readFile(file, 'utf8')) as NetLog;
  const attempt = log.constants.logEventTypes['TCP_CONNECT_ATTEMPT'];
  const addresses = log.events
    .filter((event) => event.type === attempt)
    .map((event) => event.params?.address)
    .filter((address): address is string => address !== undefined);
  return [...new Set(addresses)];
}

export async function launch(name: BrowserName): Promise<TestBrowser> {
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
    async open(url) {
      const page = await browser.newPage();
      await page.goto(url);
      // Polling by evaluate works under any CSP, unlike waitForFunction.
      const deadline = Date.now() + 20_000;
      while (!(await page.evaluate(() => 'mix' in globalThis))) {
        if (Date.now() > deadline) throw new Error('the packages were not imported in 20 s');
      }
      return page;
    },
    async close() {
      await browser.close();
      const addresses = name === 'chromium' ? await connectedAddresses(netLog) : [];
      folder.dispose();
      return addresses;
    },
  };
}
