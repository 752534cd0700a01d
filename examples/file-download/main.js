// Downloads through the mixnet with a progress bar, may be stopped, and offers the file to save.
import { mixFetch, setupMixTunnel } from '@mixweb/mix-fetch';

const element = (id) => document.getElementById(id);
const show = (text) => {
  element('state').textContent = text;
};
const hex = (bytes) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

async function download(url, signal) {
  const response = await mixFetch(url, {
    signal,
    onDownloadProgress: ({ loaded, total }) => {
      // Without a total the bar only shows that something goes on.
      if (total === undefined) element('progress').removeAttribute('value');
      else element('progress').value = loaded / total;
    },
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const file = await response.blob();
  const digest = hex(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  const link = element('save');
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(file);
  link.download = new URL(url).pathname.split('/').pop() || 'file';
  link.hidden = false;
  show(`${file.size} bytes, SHA-256 ${digest}`);
}

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const stopping = new AbortController();
  element('stop').onclick = () => stopping.abort();
  element('start').disabled = true;
  element('stop').disabled = false;
  element('progress').value = 0;
  show('downloading…');
  try {
    await download(element('url').value, stopping.signal);
  } catch (error) {
    show(error.name === 'AbortError' ? 'stopped' : `failed: ${error.message}`);
  } finally {
    element('start').disabled = false;
    element('stop').disabled = true;
  }
});

const config = await (await fetch('config.json')).json();
element('url').value = config.url;
try {
  await setupMixTunnel(config.tunnel);
  element('start').disabled = false;
  show('connected');
} catch (error) {
  show(`failed: ${error.message}`);
}
