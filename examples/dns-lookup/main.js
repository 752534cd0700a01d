// Asks for records of a name through the mixnet, and shows where the answer came from.
import { mixDNSResolve } from '@mixweb/mix-dns';
import { setupMixTunnel } from '@mixweb/mix-tunnel';

const element = (id) => document.getElementById(id);

/** What happened, in the badge that screen readers announce. */
function show(state, text) {
  element('state').dataset.state = state;
  element('state').textContent = text;
  element('ask').disabled = state !== 'ready';
}

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  show('connecting', 'asking…');
  const begun = performance.now();
  try {
    const answer = await mixDNSResolve(element('name').value, element('type').value);
    element('answer').textContent = JSON.stringify(answer, undefined, 2);
    show('ready', `answered in ${Math.round(performance.now() - begun)} ms`);
  } catch (error) {
    element('answer').textContent = '';
    show('ready', `${error.message} (${error.code ?? error.name})`);
  }
});

const config = await (await fetch('/config.json')).json();
element('name').value = new URL(config.url).hostname;
try {
  await setupMixTunnel(config.options);
  show('ready', 'connected');
} catch (error) {
  show('failed', `${error.message} (${error.code ?? error.name})`);
}
