// A second client in a thread of its own, hence with a tunnel of its own: answers "echo …" by the
// sender's reply SURBs and tells the test of everything else.
import { parentPort, workerData } from 'node:worker_threads';

import { mixSend, onMixMessage, selfAddress, setupMixTunnel } from '@mixweb/mix-tunnel';

onMixMessage((message) => {
  const text = message.text();
  if (text.startsWith('echo ')) {
    void message.reply(text.slice('echo '.length));
    return;
  }
  const { data, senderTag } = message;
  parentPort.postMessage({ kind: 'message', data, senderTag });
});
parentPort.on('message', ({ to, text }) => void mixSend(to, text));
await setupMixTunnel(workerData);
parentPort.postMessage({ kind: 'ready', address: await selfAddress() });
