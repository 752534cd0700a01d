// Connects, then fetches what the form says.
import { mixFetch, setupMixTunnel } from '@mixweb/mix-fetch';

const element = (id) => document.getElementById(id);

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  element('start').disabled = true;
  try {
    const response = await mixFetch(element('url').value);
    const { byteLength } = await response.arrayBuffer();
    element('answer').textContent = `${response.status} with ${byteLength} bytes`;
  } catch (error) {
    element('answer').textContent = `failed: ${error.message}`;
  }
  element('start').disabled = false;
});

const config = await (await fetch('config.json')).json();
element('url').value = config.url;
try {
  await setupMixTunnel(config.tunnel);
  element('start').disabled = false;
  element('state').textContent = 'connected';
} catch (error) {
  element('state').textContent = `failed: ${error.message}`;
}
