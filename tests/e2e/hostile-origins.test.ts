// Servers behind the exit that attack the page: heads, interim answers and trailers without end,
// bodies that unfold without measure, lengths that contradict each other. Each ends in a typed
// error, memory stays bounded, and the next request to the same server works.
import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { MixError, mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelState,
  getTunnelStats,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';
import { startInternet, UNSHAPED } from '@mixweb/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const MIB = 1024 * 1024;
const HOST = 'hostile.example';
const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const LONG = 'x'.repeat(1024);

const coded = (coding: string, body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`${OK}Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);
const zeros = Buffer.alloc(64 * MIB);

/** By path: what is said once, and what is then repeated for as long as anybody listens. */
const ATTACKS: Record<string, { once: string | Buffer; forever?: string | Buffer; code: string }> =
  {
    '/status-without-end': { once: 'HTTP/1.1 200 ', forever: LONG, code: 'HTTP_PARSE' },
    '/header-without-end': { once: `${OK}A: `, forever: LONG, code: 'HTTP_PARSE' },
    '/headers-without-end': { once: OK, forever: `A: ${LONG}\r\n`, code: 'HTTP_PARSE' },
    '/interim-answers-without-end': {
      once: '',
      forever: `HTTP/1.1 103 Early Hints\r\nLink: ${LONG}\r\n\r\n`,
      code: 'HTTP_PARSE',
    },
    '/extension-without-end': { once: `${CHUNKED}1;`, forever: LONG, code: 'HTTP_PARSE' },
    '/trailers-without-end': {
      once: `${CHUNKED}0\r\n`,
      forever: `A: ${LONG}\r\n`,
      code: 'HTTP_PARSE',
    },
    '/two-lengths': {
      once: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
      code: 'HTTP_PARSE',
    },
    '/chunk-of-2^64': {
      once: `${CHUNKED}10000000000000000\r\n`,
      forever: LONG,
      code: 'HTTP_PARSE',
    },
    '/garbage': { once: randomBytes(4096), code: 'HTTP_PARSE' },
    '/gzip-bomb': { once: coded('gzip', gzipSync(zeros)), code: 'DECODE' },
    '/brotli-bomb': {
      once: coded(
        'br',
        brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
      ),
      code: 'DECODE',
    },
    '/bomb-in-bombs': { once: coded('gzip, gzip, gzip, gzip', gzipSync('x')), code: 'DECODE' },
  };

let internet: Awaited<ReturnType<typeof startInternet>>;

function attack(socket: Socket, path: string): void {
  const { once, forever } = ATTACKS[path] ?? { once: `${OK}Content-Length: 2\r\n\r\nok` };
  socket.write(once);
  if (forever === undefined) return;
  const goOn = (): void => {
    while (socket.writable && socket.write(forever));
  };
  socket.on('drain', goOn);
  goOn();
}

const server = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    attack(socket, /^GET (\S+)/.exec(data.toString('latin1'))?.[1] ?? '');
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  internet = await startInternet({
    hosts: () => Promise.resolve([{ names: [HOST], address: '198.60.22.62', ports: { 80: port } }]),
  });
  await setupMixTunnel({ ...internet.tunnel, ...UNSHAPED });
});
afterAll(async () => {
  await disconnectMixTunnel();
  await internet.stop();
  server.close();
});

it.each(Object.keys(ATTACKS))(
  '%s ends in a typed error, and the next request works',
  async (path) => {
    const before = (await getTunnelStats()).memory.wasmBytes;
    const failure: unknown = await mixFetch(`http://${HOST}${path}`)
      .then((response) => response.arrayBuffer())
      .then(
        (body) => `${body.byteLength} bytes`,
        (error: unknown) => error,
      );
    expect(failure).toBeInstanceOf(MixError);
    expect(failure).toMatchObject({ code: ATTACKS[path]?.code });
    expect((await getTunnelStats()).memory.wasmBytes - before).toBeLessThan(16 * MIB);
    expect(await (await mixFetch(`http://${HOST}/good`)).text()).toBe('ok');
    expect((await getTunnelState()).state).toBe('ready');
  },
);
