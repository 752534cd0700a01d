// Free ports and temporary folders; child processes are those of mix-localnet.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export { runProcess } from '../../mix-localnet/src/process.mjs';

/** Below the range from which systems give ports to outgoing connections and to listeners on 0. */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 100;

/** Whether something can be bound and let go again. */
async function binds(bind) {
  const socket = bind();
  try {
    await once(socket, 'listening');
  } catch {
    return false;
  }
  socket.close();
  await once(socket, 'close');
  return true;
}

/**
 * A port that is free on 127.0.0.1, for TCP and UDP, and that nothing gets by chance before the
 * caller binds it: only another call can choose it, with little luck.
 */
export async function freePort() {
  const host = '127.0.0.1';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const free =
      (await binds(() => createServer().listen(port, host))) &&
      (await binds(() => createSocket('udp4').bind(port, host)));
    if (free) return port;
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** A folder that `dispose` removes. */
export function temporaryFolder(name) {
  const path = mkdtempSync(join(tmpdir(), `mixweb-${name}-`));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}
