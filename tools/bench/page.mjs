// What the macro-benchmarks share: one local network with the servers of @mixweb/testing/behaviours,
// one headless Chromium, one page.
import { adminOf, startInternet } from '@mixweb/testing';
import { startBehaviours } from '@mixweb/testing/behaviours';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';

/** @typedef {Awaited<ReturnType<typeof openBench>>} Bench */

/** Serves `/bytes/N`, and takes bodies at `/hash`. HTTP/1.1. */
export const ORIGIN = 'https://node.example';
export const SMALL = `${ORIGIN}/bytes/1024`;
export const MEBIBYTE = 1024 * 1024;

/** What the protocol sets: docs/benchmarks/index.md. */
export const MIX_DELAY_MS = 15; // mean per mix, by default
export const MIXES_OF_A_ROUND_TRIP = 6;
export const POISSON_WAIT_MS = 20; // mean wait of an idle client for its next packet

/** @param {'on' | 'off'} shaping */
export const trafficOf = (shaping) => ({
  disablePoissonTraffic: shaping === 'off',
  disableCoverTraffic: shaping === 'off',
});
/** Least mean round trip of a packet, ms. @param {'on' | 'off'} shaping @param {number} [delay] */
export const floorOf = (shaping, delay = MIX_DELAY_MS) =>
  MIXES_OF_A_ROUND_TRIP * delay + (shaping === 'on' ? POISSON_WAIT_MS : 0);

export async function openBench() {
  let servers;
  const internet = await startInternet({
    hosts: async (authority) => {
      servers = await startBehaviours(authority);
      return servers.hosts;
    },
  });
  const pages = await servePages();
  const chromium = await launchBrowser('chromium', { patience: 'endless' });
  const page = await chromium.open(pages.url('index'));
  return {
    page,
    pages,
    /** Puppeteer's. */
    browser: chromium.browser,
    /** Options of `setupMixTunnel` that lead to the network. */
    tunnel: internet.tunnel,
    admin: adminOf(internet.localnet),
    mixes: internet.localnet.mixes,
    async close() {
      await chromium.close();
      await pages.stop();
      await internet.stop();
      await servers?.stop();
    },
  };
}
