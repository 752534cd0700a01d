// The playground, page of `npm start`: a tunnel, its path and its traffic, and experiments with it.
import { initDns } from './dns-tab.js';
import { element } from './dom.js';
import { initDownload } from './download-tab.js';
import { initFetch } from './fetch-tab.js';
import { initLog } from './log.js';
import { initMessages } from './messages-tab.js';
import { initSocket } from './socket-tab.js';
import { initStress } from './stress-tab.js';
import { initTabs } from './tabs.js';
import { initTunnel } from './tunnel.js';

initLog();
initTabs(document.querySelector('[role=tablist]'));
element('theme').addEventListener('change', ({ target }) => {
  document.documentElement.style.colorScheme = target.value;
});

const config = await (await fetch('/config.json')).json();
initTunnel(config);
initDns(config);
initSocket(config);
initMessages();
initDownload(config);
initStress(config);
initFetch(config);
