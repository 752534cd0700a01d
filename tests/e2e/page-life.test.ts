// The clock of a page in Chromium: tabs in the background, frozen pages, lost networks and a
// machine that slept. Tunnels outlive all of them.
import { adminOf, startInternet, UNSHAPED } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';
import type { SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
import type { CDPSession, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { MixGlobal } from './support/mix-global.ts';

declare const mix: MixGlobal;
declare global {
  /** What the page under test notes down. */
  var seen: { state: string; step: string; at: number }[];
  var pageEvents: string[];
  /** The page that was asked for just after the machine woke. */
  var asked: Promise<string>;
}

const PAGE_URL = 'https://origin.example/page-1024.html';
/**
 * A worker on a machine that can be sent to sleep: the wall clock jumps and what was connected
 * stays silent for ever, as after a night with the lid closed.
 */
const SLEEP_MS = 90_000;
const SLEEPER = `
let skew = -${SLEEP_MS}; // right once it has slept
const sockets = new Set();
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + skew;
globalThis.WebSocket = class extends WebSocket {
  #dead = false;
  constructor(...args) {
    super(...args);
    sockets.add(this);
    for (const type of ['message', 'close', 'error']) {
      this.addEventListener(type, (event) => {
        if (this.#dead) event.stopImmediatePropagation();
      });
    }
  }
  send(data) { if (!this.#dead) super.send(data); }
  die() { this.#dead = true; }
};
const machine = new BroadcastChannel('machine');
machine.onmessage = ({ data }) => {
  skew += data;
  for (const socket of sockets) socket.die();
  sockets.clear();
  machine.postMessage('awake');
};
importScripts('/packages/mix-tunnel/dist/worker.js');`;

let internet: Awaited<ReturnType<typeof startInternet>>;
let pages: Awaited<ReturnType<typeof servePages>>;
let browser: Awaited<ReturnType<typeof launchBrowser>>;
let admin: ReturnType<typeof adminOf>;
let page: Page;
let session: CDPSession;

const options = (extra: SetupMixTunnelOpts = {}): SetupMixTunnelOpts => ({
  ...internet.tunnel,
  ...UNSHAPED,
  ...extra,
});
const entryId = (): number => (internet.localnet.entries as { id: number }[])[0]?.id ?? 0;

beforeAll(async () => {
  internet = await startInternet();
  admin = adminOf(internet.localnet);
  pages = await servePages({ scripts: { '/sleeper.js': SLEEPER } });
  browser = await launchBrowser('chromium', { background: 'natural' });
});
afterAll(async () => {
  await browser.close();
  await pages.stop();
  await internet.stop();
});

beforeEach(async () => {
  page = await browser.open(pages.url('index'));
  session = await page.createCDPSession();
});
afterEach(() => page.close());

/** Sets up a tunnel in the page, which notes from then on what the tunnel tells. */
async function setUp(extra: SetupMixTunnelOpts & { workerUrl?: string } = {}): Promise<string> {
  return page.evaluate(async (opts) => {
    await mix.setupMixTunnel(opts);
    globalThis.seen = [];
    mix.onTunnelState(({ state, step }) => {
      seen.push({ state, step: step ?? '', at: performance.now() });
    });
    return (await mix.getTunnelInfo()).address;
  }, options(extra));
}
const fetched = (): Promise<string> =>
  page.evaluate(async (url) => (await mix.mixFetch(url)).text(), PAGE_URL);
const address = (): Promise<string> =>
  page.evaluate(async () => (await mix.getTunnelInfo()).address);

/** Resolves with the time from now on that it took, in the page's clock. */
const untilState = (state: string): Promise<void> =>
  page.evaluate(async (wanted) => {
    if (seen.some((news) => news.state === wanted)) return;
    await new Promise<void>((resolve) => {
      const stop = mix.onTunnelState((news) => {
        if (news.state !== wanted) return;
        stop();
        resolve();
      });
    });
  }, state);

describe('a tab in the background', () => {
  it('fetches and talks as in the foreground', async () => {
    await setUp();
    const other = await browser.browser.newPage();
    await other.bringToFront();
    expect(await page.evaluate(() => document.visibilityState)).toBe('hidden');
    expect(await fetched()).toHaveLength(1024);
    const echoes = await page.evaluate(async () => {
      const socket = new mix.MixWebSocket('wss://sockets.example/echo');
      await socket.ready;
      const heard: string[] = [];
      for (let i = 0; i < 10; i++) {
        const answer = new Promise<string>((resolve) => {
          socket.onmessage = (event): void => resolve(String(event.data));
        });
        await socket.send(`${i}`);
        heard.push(await answer);
      }
      await socket.close();
      return heard.join('');
    });
    expect(echoes).toBe('0123456789');
    await other.close();
  });
});

describe('a frozen page', () => {
  it('finds its tunnel again, although the gateway hung up meanwhile', async () => {
    const before = await setUp();
    await page.evaluate(() => {
      globalThis.pageEvents = [];
      for (const type of ['freeze', 'resume']) {
        document.addEventListener(type, () => void pageEvents.push(type));
      }
    });
    const other = await browser.browser.newPage();
    await other.bringToFront();
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await admin.act(entryId(), 'cut');
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await page.bringToFront();
    await untilState('connecting');
    await untilState('ready');
    expect(await fetched()).toHaveLength(1024);
    expect(await address()).toBe(before);
    expect(await page.evaluate(() => pageEvents)).toEqual(['freeze', 'resume']);
    await other.close();
  });
});

describe('a network that goes away', () => {
  it('is tried again as soon as the page is online', async () => {
    // Left alone, the next try would come long after the time limit of this test.
    const pause = 3_600_000;
    await setUp({ reconnect: { minDelayMs: pause, maxDelayMs: pause } });
    await page.setOfflineMode(true);
    expect(await page.evaluate(() => navigator.onLine)).toBe(false);
    await admin.act(entryId(), 'cut');
    await untilState('connecting');
    await page.evaluate(() => void (globalThis.seen = []));
    await page.setOfflineMode(false);
    await untilState('ready');
    expect(await fetched()).toHaveLength(1024);
  });
});

describe('a machine that slept', () => {
  /** Resolves when the worker's machine is awake again. */
  const sleep = (): Promise<void> =>
    page.evaluate(async (ms) => {
      const machine = new BroadcastChannel('machine');
      const awake = new Promise<void>((resolve) => {
        machine.onmessage = (): void => resolve();
      });
      machine.postMessage(ms);
      await awake;
      machine.close();
    }, SLEEP_MS);

  it.each([
    ['by its clocks alone', false],
    ['as the page tells it', true],
  ])('replaces its dead link well before it would awake, %s', async (_, told) => {
    const before = await setUp({ workerUrl: '/sleeper.js' });
    await sleep();
    const begun = performance.now();
    await page.evaluate(
      (hears, url) => {
        // What a browser tells the page when its machine wakes up; else any turn sees the jump.
        if (hears) dispatchEvent(new Event('online'));
        globalThis.asked = mix.mixFetch(url).then((response) => response.text());
        asked.catch(() => undefined); // read below
      },
      told,
      PAGE_URL,
    );
    await untilState('connecting');
    // An unsuspected link would be given fifteen seconds.
    expect(performance.now() - begun).toBeLessThan(14_000);
    await untilState('ready');
    expect(await address()).toBe(before);
    // Its question went into the dead link.
    expect(await page.evaluate(() => asked)).toHaveLength(1024);
  });
});
