// The playground by its users: every tab does what it says, nothing is written on the console, axe
// finds no fault in light, dark or on a phone, the keyboard suffices, and the page is painted before
// any of the module has arrived.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ADDRESSES, startInternet } from '@mixweb/testing';
import { launchBrowser, type TestPage } from '@mixweb/testing/browsers';
import { serveFiles } from '@mixweb/testing/serve-files';
import type { AxeResults, RunOptions } from 'axe-core';
import type { HTTPRequest, HTTPResponse, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { untilText } from './support/drive.ts';

declare const axe: { run(context: Document, options: RunOptions): Promise<AxeResults> };

const root = fileURLToPath(new URL('../../', import.meta.url));
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TABS = ['fetch', 'dns', 'socket', 'messages', 'download', 'stress'];
/** What the first paint may take of the network: the page and its style. */
const MAX_FIRST_PAINT_BYTES = 40_000;

// For machines that are busy with other tests.
vi.setConfig({ testTimeout: 240_000 });

let internet: Awaited<ReturnType<typeof startInternet>>;
let site: Awaited<ReturnType<typeof serveFiles>>;
let browser: Awaited<ReturnType<typeof launchBrowser>>;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  internet = await startInternet();
  site = await serveFiles({
    folders: { '/packages/': join(root, 'packages'), '/': join(root, 'examples/playground') },
    texts: {
      '/config.json': JSON.stringify({
        options: internet.tunnel,
        url: 'https://origin.example/page-1024.html',
        direct: `http://127.0.0.1:${internet.origin.httpPort}/page-1024.html`,
        socket: 'wss://sockets.example/echo',
        download: 'https://origin.example/page-102400.html',
      }),
    },
  });
  browser = await launchBrowser('chromium');
  page = await browser.browser.newPage();
  await page.setViewport({ width: 1200, height: 1000 });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
  });
});
afterAll(async () => {
  await browser.close();
  await site.stop();
  await internet.stop();
});

/** Puppeteer's types differ in how far they unwrap handles. */
const until = (selector: string, wanted: RegExp): Promise<string> =>
  untilText(page as unknown as TestPage, selector, wanted);

/** Rules of WCAG 2 A and AA and axe's best practices that the page breaks now. */
async function faults(): Promise<string[]> {
  const { violations } = await page.evaluate(() =>
    axe.run(document, { resultTypes: ['violations'] }),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary ?? ''}`),
  );
}

async function openTab(name: string): Promise<void> {
  await page.click(`#tab-${name}`);
  await page.waitForSelector(`#panel-${name}:not([hidden])`);
}

it('is painted while none of the module has arrived, from a few bytes', async () => {
  // Module scripts hold back DOMContentLoaded, not paint; all scripts are held back until then, so
  // that what has arrived by then does not depend on how fast they come.
  let release: () => void = () => undefined;
  const painted = new Promise<void>((resolve) => (release = resolve));
  let bytes = 0;
  const hold = (request: HTTPRequest): void => {
    const isScript = request.resourceType() === 'script';
    void (isScript ? painted : Promise.resolve()).then(() => request.continue());
  };
  const count = (response: HTTPResponse): void => {
    if (response.request().resourceType() === 'script') return;
    void response.buffer().then(({ byteLength }) => (bytes += byteLength));
  };
  await page.setRequestInterception(true);
  page.on('request', hold);
  page.on('response', count);
  const opened = page.goto(`${site.origin}/`);
  let first: number | undefined;
  while (first === undefined) {
    first = await page
      .evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime)
      .catch(() => undefined); // between two documents
  }
  const beforePaint = bytes;
  release();
  await opened;
  page.off('request', hold);
  page.off('response', count);
  await page.setRequestInterception(false);
  console.log(`playground: first contentful paint after ${Math.round(first)} ms`);
  expect(beforePaint).toBeGreaterThan(0);
  expect(beforePaint).toBeLessThan(MAX_FIRST_PAINT_BYTES);
  await until('#url', /^https:/);
  await page.addScriptTag({ path: axeFile });
});

it('has no fault before it is connected, and nothing to press that needs a tunnel', async () => {
  for (const name of TABS) {
    await openTab(name);
    expect(await faults()).toEqual([]);
    const enabled = `#panel-${name} button:enabled, #panel-${name} input:enabled`;
    expect(await page.$$(`${enabled}`)).toEqual([]);
  }
});

it('connects, and shows path and rates', async () => {
  await page.click('#connect');
  await until('#state', /^connected$/);
  await until('#hop-entry', /…$/);
  await until('#hop-exit', /…$/);
  await until('#log', /set up in \d/);
  // Cover flows although nobody asked for anything.
  await until('#charts figure:nth-child(2) output', /^[1-9][\d.]*\/s$/);
  await page.waitForSelector('#charts .line[d^="M"]');
});

it('fetches both ways, and shows what the server saw', async () => {
  await openTab('fetch');
  await page.click('#fetch');
  expect(await until('#mix-facts', /server saw/)).toMatch(
    new RegExp(`200 OK[^]*1,024[^]*${ADDRESSES.exit.replaceAll('.', '\\.')}`),
  );
  expect(await until('#clear-facts', /server saw/)).toMatch(/127\.0\.0\.1/);
  await page.waitForSelector('#mix-took:not([hidden])');
});

it('asks names', async () => {
  await openTab('dns');
  await page.select('#dns-transport', 'tls');
  await page.click('#dns-ask');
  await until('#dns-facts', /resolver\s+8\.8\.8\.8/);
  expect(await until('#dns-records', /./)).toBe(ADDRESSES.origin4);
});

it('converses by WebSocket', async () => {
  await openTab('socket');
  await page.click('#socket-open');
  await until('#socket-state', /^open$/);
  await page.type('#socket-text', 'hello');
  await page.keyboard.press('Enter');
  await until('#socket-log', /→ hello\n← hello/);
  await page.click('#socket-ping');
  await until('#socket-log', /ping: \d+ ms/);
  await page.click('#socket-close');
  await until('#socket-state', /^closed$/);
});

it('writes to itself, and answers the pseudonym', async () => {
  await openTab('messages');
  await page.click('#message-send');
  await until('#message-log', /from the pseudonym/);
  await until('#message-state', /^acknowledged/);
  await page.click('#message-log button');
  await until('#message-log', /answer to: hello, whoever I am/);
});

it('downloads the same bytes both ways', async () => {
  await openTab('download');
  await page.click('#download-start');
  await until('#download-state', /the same bytes both ways: SHA-256 [0-9a-f]{64}/);
  expect(
    await page.$eval('#download-mix-progress', (bar) => (bar as HTMLProgressElement).value),
  ).toBe(1);
});

it('counts what many requests took', async () => {
  await openTab('stress');
  await page.$eval('#stress-count', (field) => ((field as HTMLInputElement).value = '12'));
  await page.click('#stress-start');
  expect(await until('#stress-facts', /12 of 12/)).toMatch(/failed\s+0/);
  expect(await page.$$('#stress-bars i')).toHaveLength(12);
});

it.each([
  ['light', 1200],
  ['dark', 1200],
  ['light', 390],
  ['dark', 390],
] as const)(
  'has no fault in %s, %i pixels wide, and no sideways scrolling',
  async (scheme, width) => {
    await page.setViewport({ width, height: 900 });
    await page.select('#theme', scheme);
    for (const name of TABS) {
      await openTab(name);
      expect(await faults()).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  },
);

it('needs no mouse', async () => {
  await page.focus('#tab-stress');
  await page.keyboard.press('ArrowRight'); // round the corner
  await page.waitForSelector('#panel-fetch:not([hidden])');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('#panel-dns:not([hidden])');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('panel-dns');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('dns-name');
});

it('disconnects, and has written nothing on the console', async () => {
  await page.click('#disconnect');
  await until('#state', /^not connected$/);
  expect(complaints).toEqual([]);
});
