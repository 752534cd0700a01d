// Puts the page under its service worker, connects, and only then shows what asks other servers.
import { setupMixTunnel } from '@mixweb/mix-fetch';

import { serveRequests, startServiceWorker } from './through-page.js';
import { showContent } from './unchanged.js';

const show = (text) => {
  document.getElementById('state').textContent = text;
};

const config = await (await fetch('config.json')).json();
try {
  // The tunnel's own requests for its directory are the only ones that leave the page as they are.
  await startServiceWorker('service-worker.js', config.directories);
  serveRequests();
  await setupMixTunnel(config.tunnel);
  show('connected');
  showContent(config);
} catch (error) {
  show(`failed: ${error.message}`);
}
