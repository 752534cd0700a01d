// A page that sets up and ends tunnels all day: it must not grow, and nothing may stay behind.
import { adminOf, startInternet, UNSHAPED } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';
import type { CDPSession, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { MixGlobal } from './support/mix-global.ts';

declare const mix: MixGlobal;

const MIB = 1024 * 1024;

describe('one page in Chromium', () => {
  /** CI has less patience than the promise: `MIXWEB_CYCLES=200` measures that. */
  const CYCLES = Number(process.env['MIXWEB_CYCLES'] ?? 30);
  const WARM_UP = 10;
  const GROWTH_LIMIT = 2 * MIB;
  let internet: Awaited<ReturnType<typeof startInternet>>;
  let admin: ReturnType<typeof adminOf>;
  let pages: Awaited<ReturnType<typeof servePages>>;
  let browser: Awaited<ReturnType<typeof launchBrowser>>;

  beforeAll(async () => {
    internet = await startInternet();
    admin = adminOf(internet.localnet);
    pages = await servePages();
    browser = await launchBrowser('chromium');
  });
  afterAll(async () => {
    await browser.close();
    await pages.stop();
    await internet.stop();
  });

  async function usedBytes(session: CDPSession): Promise<number> {
    await session.send('HeapProfiler.collectGarbage');
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    return usedSize;
  }

  const cycle = (page: Page): Promise<number> =>
    page.evaluate(
      async (opts, url) => {
        await mix.setupMixTunnel(opts);
        const response = await mix.mixFetch(url);
        const { byteLength } = await response.arrayBuffer();
        await mix.disconnectMixTunnel();
        return byteLength;
      },
      { ...internet.tunnel, ...UNSHAPED },
      'https://origin.example/page-1024.html',
    );

  it(
    `sets up, fetches and disconnects ${CYCLES} times without growing`,
    async () => {
      const page = await browser.open(pages.url('index'));
      const session = await page.createCDPSession();
      for (let i = 0; i < WARM_UP; i++) expect(await cycle(page)).toBe(1024);
      const before = await usedBytes(session);
      for (let i = 0; i < CYCLES; i++) expect(await cycle(page)).toBe(1024);
      const growth = (await usedBytes(session)) - before;
      console.log(`${CYCLES} cycles: the page's heap grew by ${growth} bytes`);
      expect(growth).toBeLessThanOrEqual(GROWTH_LIMIT);
      expect(page.workers()).toEqual([]);
      const stats = (await admin.stats()) as {
        nodes: { gateway?: { links: number; sessions: number } }[];
      };
      for (const { gateway } of stats.nodes) {
        if (gateway !== undefined) expect(gateway).toMatchObject({ links: 0, sessions: 0 });
      }
      await page.close();
    },
    CYCLES * 5_000 + 60_000,
  );
});
