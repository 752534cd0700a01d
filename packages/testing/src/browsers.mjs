// Real browsers on test pages: Chromium and Firefox by Puppeteer, WebKitGTK's WebView by WebDriver.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import puppeteer, { KnownDevices, PredefinedNetworkConditions } from 'puppeteer-core';

import { temporaryFolder } from './process.mjs';
import { startWebKit } from './webkit.mjs';

export { servePages, writePageFiles } from './pages.mjs';

/** @typedef {'chromium' | 'firefox' | 'webkit'} BrowserName */
/** Every engine that the packages are tested in. @type {readonly BrowserName[]} */
export const BROWSERS = ['chromium', 'firefox', 'webkit'];

/**
 * What tests may do with a page of any browser; Puppeteer's pages can do it.
 *
 * @typedef {object} TestPage
 * @property {<A extends unknown[], R>(action: (...args: A) => R, ...args: A) => Promise<Awaited<R>>} evaluate
 *   runs a function in the page; arguments and result cross as JSON
 * @property {(url: string) => Promise<unknown>} goto
 * @property {(selector: string) => Promise<void>} click
 * @property {(selector: string, text: string) => Promise<void>} type
 */

// As root, and without the calls home that a browser makes at its start.
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // The last one: pages of no address may connect to loopback without asking their user.
  '--disable-features=OptimizationHints,MediaRouter,LocalNetworkAccessChecks',
];
/** What Puppeteer adds, so that tests do not see how browsers treat pages in the background. */
const ALWAYS_AWAKE = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];
const IMPORT_TIMEOUT_MS = 20_000;

/**
 * What a Chromium net log tells: remote addresses of TCP connections, and hosts whose names were
 * looked up.
 *
 * @param {string} file
 * @returns {Promise<{ addresses: string[], names: string[] }>}
 */
async function networkUse(file) {
  const log = JSON.parse(await readFile(file, 'utf8'));
  const types = log.constants.logEventTypes;
  const told = (type, field) => [
    ...new Set(
      log.events
        .filter((event) => event.type === types[type])
        .map((event) => event.params?.[field])
        .filter((value) => value !== undefined),
    ),
  ];
  return {
    addresses: told('TCP_CONNECT_ATTEMPT', 'address'),
    names: told('HOST_RESOLVER_MANAGER_REQUEST', 'host'),
  };
}

/**
 * Waits until the test page has imported the packages.
 *
 * @param {TestPage} page
 */
export async function untilImported(page) {
  // Polling by evaluate works under any CSP, unlike waitForFunction.
  const deadline = Date.now() + IMPORT_TIMEOUT_MS;
  while (!(await page.evaluate(() => 'mix' in globalThis))) {
    if (Date.now() > deadline) throw new Error('the packages were not imported in time');
  }
}

/**
 * @param {'chromium' | 'firefox'} name
 * @param {{ background?: 'awake' | 'natural', patience?: 'usual' | 'endless' }} [options] whether
 *   Chromium treats tabs in the background as it does for its users, and how long it may take
 *   over what a page does at one call
 */
export async function launchBrowser(name, { background = 'awake', patience = 'usual' } = {}) {
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
          ignoreDefaultArgs: background === 'natural' ? ALWAYS_AWAKE : [],
          ...(patience === 'endless' && { protocolTimeout: 0 }),
        })
      : await puppeteer.launch({
          browser: 'firefox',
          executablePath: '/usr/bin/firefox-esr',
          headless: true,
        });
  const end = async () => {
    await browser.close();
    const use = name === 'chromium' ? await networkUse(netLog) : { addresses: [], names: [] };
    folder.dispose();
    return use;
  };
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
      await untilImported(page);
      return page;
    },
    /** Closes the browser; in Chromium resolves with all that it connected to or looked up. */
    end,
    /** Closes the browser; in Chromium resolves with every address that it connected to. */
    close: async () => (await end()).addresses,
  };
}

/**
 * One page of a browser of its own, the same for all engines.
 *
 * @param {BrowserName} name
 * @param {Parameters<typeof startWebKit>[0]} [webKit]
 * @returns {Promise<{ page: TestPage, open(url: string): Promise<void>, close(): Promise<void> }>}
 */
export async function launchPage(name, webKit) {
  if (name === 'webkit') {
    const { page, stop } = await startWebKit(webKit);
    return { page, open: (url) => opened(page, url), close: stop };
  }
  const browser = await launchBrowser(name);
  const page = await browser.browser.newPage();
  return {
    page,
    open: (url) => opened(page, url),
    close: async () => void (await browser.close()),
  };
}

/**
 * A page as on a phone: WebKitGTK's view is as large as one; Chromium emulates screen, touch,
 * mobile network and a slower processor.
 *
 * @param {'chromium' | 'webkit'} name
 * @returns {Promise<{ page: TestPage, open(url: string): Promise<void>, close(): Promise<void> }>}
 */
export async function launchPhone(name) {
  if (name === 'webkit') return launchPage('webkit');
  const { browser, close } = await launchBrowser(name);
  const page = await browser.newPage();
  await page.emulate(KnownDevices['Pixel 5']);
  await page.emulateNetworkConditions(PredefinedNetworkConditions['Fast 4G']);
  await page.emulateCPUThrottling(2);
  return { page, open: (url) => opened(page, url), close: async () => void (await close()) };
}

/** @param {TestPage} page @param {string} url */
async function opened(page, url) {
  await page.goto(url);
  await untilImported(page);
}
