// A name server for test names, over UDP. It logs the questions that reach it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import packet from 'dns-packet';

const NAME_ERROR = 3;

/**
 * @param {Record<string, { A?: string[], AAAA?: string[] }>} zone by lower-case name
 */
export async function startNameServer(zone) {
  const socket = createSocket('udp4');
  /** @type {{ name: string, type: string, from: string }[]} */
  const questions = [];
  socket.on('message', (message, peer) => {
    let query;
    try {
      query = packet.decode(message);
    } catch {
      return; // not a question: no answer
    }
    const [question] = query.questions ?? [];
    if (!question) return;
    const name = question.name.toLowerCase();
    questions.push({ name, type: question.type, from: peer.address });
    const records = zone[name];
    const answers = (records?.[question.type] ?? []).map((data) => ({
      type: question.type,
      name: question.name,
      ttl: 60,
      data,
    }));
    const reply = packet.encode({
      type: 'response',
      id: query.id,
      flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (records ? 0 : NAME_ERROR),
      questions: query.questions,
      answers,
    });
    socket.send(reply, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    questions,
    stop: () => new Promise((resolve) => void socket.close(resolve)),
  };
}
