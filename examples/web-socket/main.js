// Opens a WebSocket through the mixnet, sends what is typed and shows what comes.
import { setupMixTunnel } from '@mixweb/mix-tunnel';
import { MixWebSocket } from '@mixweb/mix-websocket';

const element = (id) => document.getElementById(id);
/** @type {MixWebSocket | undefined} */
let socket;

/** What happened, in the badge that screen readers announce. */
function show(state, text) {
  element('state').dataset.state = state;
  element('state').textContent = text;
  const isOpen = socket?.readyState === MixWebSocket.OPEN;
  element('open').disabled = state !== 'ready' || socket !== undefined;
  element('close').disabled = !isOpen;
  element('send').disabled = !isOpen;
}
const log = (line) => element('log').append(`${line}\n`);

element('open-form').addEventListener('submit', (event) => {
  event.preventDefault();
  try {
    socket = new MixWebSocket(element('url').value);
  } catch (error) {
    show('ready', error.message); // an address that no WebSocket can have
    return;
  }
  show('connecting', 'opening…');
  socket.onopen = () => show('ready', 'open');
  socket.onmessage = ({ data }) =>
    log(`← ${typeof data === 'string' ? data : `${data.byteLength} bytes`}`);
  socket.onerror = ({ message }) => log(`! ${message}`);
  socket.onclose = ({ code, reason }) => {
    socket = undefined;
    show('ready', `closed: ${code} ${reason}`);
  };
});

element('send-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = element('text').value;
  element('text').value = '';
  log(`→ ${text}`);
  await socket?.send(text);
});

element('close').addEventListener('click', () => void socket?.close());

const config = await (await fetch('/config.json')).json();
element('url').value = config.socket;
try {
  await setupMixTunnel(config.options);
  show('ready', 'connected');
} catch (error) {
  show('failed', `${error.message} (${error.code ?? error.name})`);
}
