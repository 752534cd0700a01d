// A page in headless Chromium with a network of its own, for the parts of the bench that need the
// servers of @mixweb/testing/behaviours.
import { startInternet } from '@mixweb/testing';
import { startBehaviours } from '@mixweb/testing/behaviours';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';

/** What `measure` returns for the page and the options that lead a tunnel to the network. */
export async function withBenchPage(measure) {
  let servers;
  const internet = await startInternet({
    hosts: async (authority) => {
      servers = await startBehaviours(authority);
      return servers.hosts;
    },
  });
  const pages = await servePages();
  const browser = await launchBrowser('chromium');
  try {
    return await measure(await browser.open(pages.url('index')), internet.tunnel);
  } finally {
    await browser.close();
    await pages.stop();
    await internet.stop();
    await servers?.stop();
  }
}
