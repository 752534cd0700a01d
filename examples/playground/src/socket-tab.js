// A WebSocket through the tunnel.
import { MixWebSocket } from '@mixweb/mix-websocket';

import { appendLine, element, ms, onSubmit, told } from './dom.js';
import { log } from './log.js';

let socket;

function show(state) {
  const open = state === 'open';
  element('socket-state').textContent = state;
  element('socket-state').dataset.state = open ? 'ready' : '';
  element('socket-open').disabled = open || state === 'connecting…';
  for (const id of ['socket-ping', 'socket-close']) element(id).disabled = !open;
  element('socket-send-fields').disabled = !open;
}

export function initSocket(config) {
  const box = element('socket-log');
  element('socket-url').value = config.socket ?? 'wss://echo.websocket.org/';
  onSubmit(element('socket-form'), async () => {
    show('connecting…');
    try {
      socket = new MixWebSocket(element('socket-url').value);
    } catch (error) {
      show(told(error));
      return;
    }
    socket.onmessage = ({ data }) =>
      appendLine(box, `← ${typeof data === 'string' ? data : `${data.byteLength} bytes`}`);
    socket.onclose = ({ code, reason }) => {
      show('closed');
      appendLine(box, `closed: ${code} ${reason}`.trimEnd());
      log(`WebSocket closed: ${code}`);
    };
    try {
      await socket.ready;
      show('open');
      appendLine(box, 'open');
      log('WebSocket open');
    } catch (error) {
      appendLine(box, told(error));
      log(told(error), 'bad');
    }
  });
  onSubmit(element('socket-send-form'), async () => {
    const text = element('socket-text').value;
    element('socket-text').value = '';
    appendLine(box, `→ ${text}`);
    await socket.send(text).catch((error) => appendLine(box, told(error)));
  });
  element('socket-ping').addEventListener('click', () => {
    socket.ping().then(
      (time) => appendLine(box, `ping: ${ms(time)}`),
      (error) => appendLine(box, told(error)),
    );
  });
  element('socket-close').addEventListener('click', () => void socket.close());
}
