// MixWebSocket, MixWebSocketStream and raw sockets in Node, against npm's `ws` behind the local
// mixnet.
import { createHash, randomBytes } from 'node:crypto';

import {
  mixConnect,
  mixUdp,
  MixWebSocket,
  MixWebSocketStream,
  type MixWebSocketInit,
} from '@mixweb/mix-websocket';
import { disconnectMixTunnel, getMixTunnel, proxy, setupMixTunnel } from '@mixweb/mix-tunnel';
import { ADDRESSES, startInternet, UNSHAPED } from '@mixweb/testing';
import packet from 'dns-packet';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';

const WS = 'ws://sockets.example';
const WSS = 'wss://sockets.example';

let internet: Awaited<ReturnType<typeof startInternet>>;
const setUp = (): Promise<void> => setupMixTunnel({ ...internet.tunnel, ...UNSHAPED });

beforeAll(async () => {
  internet = await startInternet({
    zone: {
      'dns.example': { A: ['8.8.8.8'] },
      'silent.example': { A: ['8.8.8.8'] },
      'xn--bcher-kva.example': { A: [ADDRESSES.sockets] },
    },
    behaviours: { 'silent.example': 'silent' },
  });
});
afterAll(async () => {
  await internet.stop();
});

const open = async (
  url: string,
  second?: string | string[] | MixWebSocketInit,
): Promise<MixWebSocket> => {
  const socket = new MixWebSocket(url, second);
  await socket.ready;
  return socket;
};

/** Every event in order, with what matters of it, until close. */
async function eventsOf(socket: MixWebSocket): Promise<string[]> {
  const seen: string[] = [];
  socket.addEventListener('open', () => seen.push('open'));
  socket.addEventListener('message', ({ data }) => seen.push(`message ${String(data)}`));
  socket.addEventListener('error', () => seen.push('error'));
  socket.addEventListener('close', ({ code, reason, wasClean }) =>
    seen.push(`close ${code} ${reason} ${wasClean ? 'clean' : 'unclean'}`),
  );
  await socket.closed;
  // One more turn: nothing may follow.
  await new Promise((resolve) => setImmediate(resolve));
  return seen;
}

const next = (socket: MixWebSocket): Promise<unknown> =>
  new Promise((resolve) => {
    socket.addEventListener('message', (event: MessageEvent) => resolve(event.data), {
      once: true,
    });
  });

const sha256 = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex');

describe('constructor', () => {
  it.each(['', 'nonsense', 'ftp://x.example', 'ws://x.example/#a'])('refuses %j', (url) => {
    expect(() => new MixWebSocket(url)).toThrow(expect.objectContaining({ name: 'SyntaxError' }));
  });
  it.each([[['a', 'a']], [['with space']], [['']]])('refuses sub-protocols %j', (protocols) => {
    expect(() => new MixWebSocket(WS, protocols)).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
  });
  it('takes sub-protocols from any iterable, and none from null', () => {
    const protocolsOf = (second: unknown): string[] =>
      new MixWebSocket(WS, second as string[]).protocols;
    expect(protocolsOf(new Set(['one', 'two']))).toEqual(['one', 'two']);
    expect(protocolsOf({ protocols: 'one' })).toEqual(['one']);
    expect(protocolsOf(null)).toEqual([]);
  });
  it('fails by events when there is no tunnel', async () => {
    const socket = new MixWebSocket(`${WS}/echo`);
    const errors: string[] = [];
    socket.onerror = (event) => void errors.push((event as Event & { message: string }).message);
    expect(socket.readyState).toBe(0);
    await expect(socket.closed).resolves.toMatchObject({ code: 1006, wasClean: false });
    expect(errors).toEqual([expect.stringContaining('tunnel not ready')]);
  });
  it('has the type of the DOM', () => {
    expectTypeOf<MixWebSocket>().toExtend<WebSocket>();
    expectTypeOf(MixWebSocket).toExtend<typeof WebSocket>();
  });
});

describe('MixWebSocket', () => {
  beforeAll(setUp);
  afterAll(() => disconnectMixTunnel());

  it('echoes text and bytes, over ws and wss', async () => {
    for (const base of [WS, WSS]) {
      const socket = await open(`${base}/echo`);
      expect(socket.readyState).toBe(MixWebSocket.OPEN);
      const text = next(socket);
      await socket.send('how much is the fish? ±∞');
      expect(await text).toBe('how much is the fish? ±∞');
      const bytes = next(socket);
      await socket.send(new Uint8Array([0, 1, 254, 255]));
      const received = await bytes;
      expect(received).toBeInstanceOf(ArrayBuffer);
      expect(new Uint8Array(received as ArrayBuffer)).toEqual(new Uint8Array([0, 1, 254, 255]));
      expect(socket.bufferedAmount).toBe(0);
      await socket.close();
      expect(socket.readyState).toBe(MixWebSocket.CLOSED);
    }
  });

  it('sends everything that the DOM sends, in order', async () => {
    const socket = await open(`${WS}/echo`);
    const received: string[] = [];
    const done = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }): void => {
        received.push(
          typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer).toString(),
        );
        if (received.length === 5) resolve();
      };
    });
    void socket.send(new Blob(['a blob']));
    void socket.send('a string');
    void socket.send(new DataView(Buffer.from('xa viewx').buffer.slice(0)).buffer.slice(0, 0));
    void socket.send(new Uint8Array(Buffer.from('xbytesx')).subarray(1, 6));
    void socket.send(new TextEncoder().encode('a buffer').buffer);
    expect(socket.bufferedAmount).toBe(6 + 8 + 0 + 5 + 8);
    await done;
    expect(received).toEqual(['a blob', 'a string', '', 'bytes', 'a buffer']);
    await socket.close();
  });

  it('gives blobs on request', async () => {
    const socket = await open(`${WS}/echo`);
    socket.binaryType = 'blob';
    const received = next(socket);
    await socket.send(new Uint8Array([1, 2, 3]));
    expect(await ((await received) as Blob).arrayBuffer()).toEqual(
      new Uint8Array([1, 2, 3]).buffer,
    );
    await socket.close();
  });

  it('agrees on a sub-protocol and on compression', async () => {
    const socket = await open(`${WS}/echo`, ['one', 'two']);
    expect(socket.protocols).toEqual(['one', 'two']);
    expect(socket.protocol).toBe('two');
    expect(socket.extensions).toContain('permessage-deflate');
    const text = 'compress me '.repeat(1000);
    const answer = next(socket);
    await socket.send(text);
    expect(await answer).toBe(text);
    await socket.close();
    const plain = await open(`${WS}/echo`, { perMessageDeflate: false });
    expect(plain.extensions).toBe('');
    await plain.close();
  });

  it('sends headers of choice, and no others', async () => {
    const socket = new MixWebSocket(`${WS}/headers`, {
      headers: { 'X-Token': 'abc' },
      origin: 'https://page.example',
    });
    const headers = JSON.parse((await next(socket)) as string) as Record<string, string>;
    expect(headers).toMatchObject({ host: 'sockets.example', 'x-token': 'abc' });
    expect(headers['origin']).toBe('https://page.example');
    expect(headers['user-agent']).toBeUndefined();
    await socket.close();
  });

  it('sends the credentials of its URL as a header', async () => {
    const url = 'ws://us%C3%A9r:pa%3Ass@sockets.example/headers';
    const socket = new MixWebSocket(url);
    expect(socket.url).toBe(url);
    const headers = JSON.parse((await next(socket)) as string) as Record<string, string>;
    expect(headers['authorization']).toBe(`Basic ${Buffer.from('usér:pa:ss').toString('base64')}`);
    await socket.close();
  });

  it('speaks to no ports of other services', async () => {
    const socket = new MixWebSocket('ws://sockets.example:25/echo');
    expect(await eventsOf(socket)).toEqual(['error', 'close 1006  unclean']);
    await expect(socket.ready).rejects.toMatchObject({ code: 'BAD_URL' });
  });

  it('brings 1,000 messages of 0 to 64 KiB in order, byte for byte', async () => {
    const socket = await open(`${WS}/echo`, { perMessageDeflate: false });
    // Where the form of a frame's length changes, and sizes of every magnitude between.
    const corners = [0, 1, 125, 126, 127, 65_535, 65_536];
    const sizes = Array.from({ length: 1000 }, (_, i) => {
      const place = (i * 0.618_034) % 1; // spread evenly, in an order without pattern
      const magnitude = i % 100 === 0 ? 12 + 4 * place : 12 * place; // few are large
      return corners[i] ?? Math.floor(2 ** magnitude);
    });
    const messages = sizes.map((size) => randomBytes(size));
    const received: string[] = [];
    const done = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }): void => {
        received.push(sha256(new Uint8Array(data as ArrayBuffer)));
        if (received.length === messages.length) resolve();
      };
    });
    for (const message of messages) void socket.send(message);
    await done;
    expect(received).toEqual(messages.map(sha256));
    await socket.close();
  }, 240_000);

  it('holds 20 sockets at once', async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open(`${WS}/echo`)));
    const answers = sockets.map(next);
    sockets.forEach((socket, i) => void socket.send(`socket ${i}`));
    expect(await Promise.all(answers)).toEqual(sockets.map((_, i) => `socket ${i}`));
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('measures a round trip', async () => {
    const socket = await open(`${WS}/echo`);
    expect(await socket.ping()).toBeGreaterThan(0);
    await socket.close();
  });

  // --- the order of events; spec: api part 2 §10.3 ---

  it('is closed by us', async () => {
    const socket = new MixWebSocket(`${WS}/echo`);
    const events = eventsOf(socket);
    await socket.opened();
    // As the DOM converts them: text to a number, half a character to U+FFFD.
    const closing = socket.close('3001' as unknown as number, 'enough\uD800');
    expect(socket.readyState).toBe(2);
    await socket.close(); // ignored
    await closing;
    expect(await events).toEqual(['open', 'close 3001 enough\uFFFD clean']);
    await expect
      .poll(() => internet.sockets.closes.find((close) => close.code === 3001)?.reason)
      .toBe('enough\uFFFD');
  });

  it.each([
    ['1000', '', 'close 1000  clean'],
    ['4321', 'go away', 'close 4321 go away clean'],
  ])('is closed by the server with %s', async (code, reason, expected) => {
    const socket = new MixWebSocket(`${WS}/close?code=${code}&reason=${reason}`);
    expect(await eventsOf(socket)).toEqual(['open', expected]);
  });

  it.each(['/refuse', '/nonsense'])('is refused by %s', async (path) => {
    const socket = new MixWebSocket(`${WS}${path}`);
    const events = eventsOf(socket);
    await socket.opened(); // resolves, as the reference's
    await expect(socket.ready).rejects.toMatchObject({ code: 'WS_HANDSHAKE' });
    expect(await events).toEqual(['error', 'close 1006  unclean']);
  });

  it.each(['/end', '/reset'])('loses its connection: %s', async (path) => {
    const events = await eventsOf(new MixWebSocket(`${WS}${path}`));
    expect(events.filter((event) => event !== 'open')).toEqual(['error', 'close 1006  unclean']);
  });

  it.each([
    ['/bad-utf8', 1007],
    ['/masked', 1002],
    ['/reserved', 1002],
  ])('refuses what %s sends, and says so', async (path, code) => {
    const events = await eventsOf(new MixWebSocket(`${WS}${path}`));
    expect(events).toEqual(['open', 'error', 'close 1006  unclean']);
    await expect
      .poll(() => internet.sockets.closes.find((close) => close.path === path)?.code)
      .toBe(code);
  });

  it('refuses messages that are too big', async () => {
    const socket = new MixWebSocket(`${WS}/big?size=100000`, { maxMessageSize: 50_000 });
    expect(await eventsOf(socket)).toEqual(['open', 'error', 'close 1006  unclean']);
    await expect
      .poll(() => internet.sockets.closes.find((close) => close.path === '/big')?.code)
      .toBe(1009);
  });

  it('puts fragments together, with a ping between them', async () => {
    const socket = new MixWebSocket(`${WS}/fragments`);
    expect(await next(socket)).toBe('ab');
    await socket.close();
  });

  it('gives up a handshake that does not end', async () => {
    const socket = new MixWebSocket(`${WS}/silent`, { handshakeTimeoutMs: 1500 });
    expect(await eventsOf(socket)).toEqual(['error', 'close 1006  unclean']);
  });

  it('is lost when nothing is heard', async () => {
    const socket = new MixWebSocket(`${WS}/deaf`, { pingIntervalMs: 300, pongTimeoutMs: 1500 });
    expect(await eventsOf(socket)).toEqual(['open', 'error', 'close 1006  unclean']);
  });

  it('tells a failed TLS handshake', async () => {
    const socket = new MixWebSocket('wss://www.example/');
    const events = await eventsOf(socket);
    expect(events).toEqual(['error', 'close 1006  unclean']);
    const wrong = new MixWebSocket('wss://wrong-host.example/');
    expect(await eventsOf(wrong)).toEqual(['error', 'close 1015  unclean']);
  });

  it('is ended by close() and by a signal while connecting', async () => {
    const early = new MixWebSocket(`${WS}/echo`);
    const events = eventsOf(early);
    await early.close();
    expect(await events).toEqual(['error', 'close 1006  unclean']);
    const controller = new AbortController();
    const aborted = new MixWebSocket(`${WS}/echo`, { signal: controller.signal });
    controller.abort();
    expect(await eventsOf(aborted)).toEqual(['error', 'close 1006  unclean']);
  });

  it('refuses to send too early, and is silent when it is too late', async () => {
    const socket = new MixWebSocket(`${WS}/echo`);
    await expect(socket.send('x')).rejects.toMatchObject({
      name: 'InvalidStateError',
      message: 'MixWebSocket.send: state is 0, expected OPEN',
    });
    await socket.opened();
    void socket.close();
    void socket.send('nobody waits for this');
    await expect(socket.send('x')).rejects.toThrow('MixWebSocket.send: state is 2, expected OPEN');
    await socket.closed;
    await expect(socket.send('x')).rejects.toThrow('MixWebSocket.send: state is 3, expected OPEN');
  });

  it('checks close codes and reasons', async () => {
    const socket = await open(`${WS}/echo`);
    expect(() => socket.close(1001)).toThrow(
      expect.objectContaining({ name: 'InvalidAccessError' }),
    );
    expect(() => socket.close(1000, 'x'.repeat(124))).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
    await expect(socket.send({} as unknown as string)).rejects.toThrow('unsupported data type');
    await socket.close();
  });

  it("serves the reference's worker interface", async () => {
    const worker = await getMixTunnel();
    const events: unknown[] = [];
    const closed = new Promise<number>((resolve) => {
      void worker.mixWebSocket(
        `${WS}/echo`,
        ['p'],
        proxy((handle: number, type: string, data: unknown) => {
          events.push([type, data]);
          if (type === 'open') void worker.wsSend(handle, 'hello');
          if (type === 'text') void worker.wsClose(handle, 1000, 'bye');
          if (type === 'close') resolve(handle);
        }),
      );
    });
    expect(await closed).toBe(1);
    expect(events).toEqual([
      ['open', 'p'],
      ['text', 'hello'],
      ['close', { code: 1000, reason: 'bye' }],
    ]);
    await expect(worker.wsSend(99, 'x')).rejects.toThrow('WebSocket handle 99 not found');
  });
});

describe('MixWebSocketStream', () => {
  beforeAll(setUp);
  afterAll(() => disconnectMixTunnel());

  it('streams messages both ways', async () => {
    const socket = new MixWebSocketStream(`${WS}/echo`);
    const { readable, writable } = await socket.opened;
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const message of ['one', 'two', 'three']) {
      await writer.write(message);
      expect((await reader.read()).value).toBe(message);
    }
    socket.close({ closeCode: 3000, reason: 'done' });
    expect(await socket.closed).toEqual({ closeCode: 3000, reason: 'done' });
    expect((await reader.read()).done).toBe(true);
  });

  it('brings a large message whole', async () => {
    const size = 256 * 1024;
    const socket = new MixWebSocketStream(`${WS}/big?size=${size}`, { perMessageDeflate: false });
    const { readable } = await socket.opened;
    const { value } = await readable.getReader().read();
    expect((value as Uint8Array).byteLength).toBe(size);
    socket.close();
    await socket.closed;
  });

  it('ends in order when the reader wants no more', async () => {
    const socket = new MixWebSocketStream(`${WS}/echo`);
    const { readable, writable } = await socket.opened;
    const writer = writable.getWriter();
    for (let i = 0; i < 20; i++) void writer.write(`message ${i}`).catch(() => undefined);
    await readable.cancel(); // while the echoes are on their way
    expect(await socket.closed).toMatchObject({ closeCode: 1000 });
  });

  it('rejects when the server refuses', async () => {
    const socket = new MixWebSocketStream(`${WS}/refuse`);
    await expect(socket.opened).rejects.toMatchObject({ code: 'WS_HANDSHAKE' });
    await expect(socket.closed).rejects.toMatchObject({ code: 'WS_HANDSHAKE' });
  });
});

describe('raw sockets', () => {
  beforeAll(setUp);
  afterAll(() => disconnectMixTunnel());

  it('echo bytes over TCP until both ends are done', async () => {
    const socket = await mixConnect('bücher.example', 7);
    expect(await socket.opened).toMatchObject({ remotePort: 7 });
    const data = new Uint8Array(randomBytes(100_000));
    const writer = socket.writable.getWriter();
    void writer.write(data).then(() => writer.close());
    const received = new Uint8Array(await new Response(socket.readable).arrayBuffer());
    expect(sha256(received)).toBe(sha256(data));
    await socket.closed;
  });

  it('end in order when the reader wants no more', async () => {
    const socket = await mixConnect('sockets.example', 7);
    const writer = socket.writable.getWriter();
    void writer.write(new Uint8Array(100_000)).catch(() => undefined);
    await socket.readable.cancel(); // while the echo is on its way
    await socket.closed;
    await expect(writer.write(new Uint8Array(1))).rejects.toMatchObject({ code: 'SOCKET_CLOSED' });
  });

  it('speak TLS from the beginning or from the middle', async () => {
    const request = new TextEncoder().encode(
      'GET /page-1.html HTTP/1.1\r\nHost: origin.example\r\nConnection: close\r\n\r\n',
    );
    const first = await mixConnect('origin.example', 443, { tls: { alpn: ['http/1.1'] } });
    const later = await (await mixConnect('origin.example', 443)).startTls();
    for (const socket of [first, later]) {
      const writer = socket.writable.getWriter();
      await writer.write(request);
      expect(await new Response(socket.readable).text()).toMatch(/^HTTP\/1\.1 200/);
      await socket.close();
    }
  });

  it('reject refused connections, wrong certificates and aborts', async () => {
    await expect(mixConnect('refused.example', 81)).rejects.toMatchObject({ phase: 'connect' });
    const tls = { serverName: 'other.example' };
    await expect(mixConnect('origin.example', 443, { tls })).rejects.toMatchObject({
      code: 'TLS_CERTIFICATE',
    });
    await expect(
      mixConnect('origin.example', 443, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('end with their signal, also once they speak TLS', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const plain = await mixConnect('origin.example', 443, { signal });
    const secure = await (await mixConnect('origin.example', 443, { signal })).startTls();
    const reason = new Error('enough');
    controller.abort(reason);
    for (const socket of [plain, secure]) {
      await expect(socket.closed).rejects.toBe(reason);
      await expect(socket.readable.getReader().read()).rejects.toBe(reason);
    }
  });

  it('go on in TLS only when nothing is left to write', async () => {
    const socket = await mixConnect('origin.example', 443);
    void socket.writable
      .getWriter()
      .write(new Uint8Array(1_000_000))
      .catch(() => undefined);
    await expect(socket.startTls()).rejects.toMatchObject({ phase: 'tls' });
    await expect(socket.closed).rejects.toMatchObject({ phase: 'tls' });
  });
});

describe('mixUdp', () => {
  const question = (id: number): Uint8Array =>
    packet.encode({
      type: 'query',
      id,
      flags: packet.RECURSION_DESIRED,
      questions: [{ type: 'A', name: 'www.example' }],
    });
  beforeAll(setUp);
  afterAll(() => disconnectMixTunnel());

  it('exchanges datagrams with addresses and names, with several at once', async () => {
    const socket = await mixUdp();
    const reader = socket.readable.getReader();
    await Promise.all([
      socket.send(question(7), '8.8.8.8', 53),
      socket.send(question(8), '1.1.1.1', 53),
      socket.send(question(9), 'dns.example', 53),
      socket.send(question(10), 'nowhere.example', 53), // is lost, as datagrams may be
    ]);
    const answers = new Map<number, string>();
    while (answers.size < 3) {
      const { value } = await reader.read();
      if (!value) break;
      expect(value.port).toBe(53);
      answers.set(packet.decode(Buffer.from(value.data)).id ?? 0, value.address);
    }
    expect(answers).toEqual(
      new Map([
        [7, '8.8.8.8'],
        [8, '1.1.1.1'],
        [9, '8.8.8.8'],
      ]),
    );
    await socket.close();
    expect((await reader.read()).done).toBe(true);
    await expect(socket.send(question(11), '8.8.8.8', 53)).rejects.toMatchObject({
      code: 'SOCKET_CLOSED',
    });
  });

  it('says what cannot go out', async () => {
    const socket = await mixUdp();
    await expect(socket.send(question(1), '8.8.8.8', 0)).rejects.toThrow(RangeError);
    await expect(socket.send(question(1), '8.8.8.8', 65_536)).rejects.toThrow(RangeError);
    await expect(socket.send(new Uint8Array(65_508), '8.8.8.8', 53)).rejects.toThrow(RangeError);
    // As many as wait for their receivers' names at once, and one more.
    const sent = Array.from({ length: 65 }, () => socket.send(question(1), 'silent.example', 53));
    const refused = (await Promise.allSettled(sent)).map(({ status }) => status);
    expect(refused.filter((status) => status === 'rejected')).toHaveLength(1);
    await socket.close();
  });

  it('ends with the tunnel', async () => {
    const socket = await mixUdp();
    await disconnectMixTunnel();
    await expect(socket.readable.getReader().read()).rejects.toMatchObject({ name: 'MixError' });
    await expect(mixUdp()).rejects.toMatchObject({ code: 'NOT_READY' });
    await setUp();
  });
});

describe('when the tunnel ends', () => {
  it('every socket hears error, then close', async () => {
    await setUp();
    const socket = new MixWebSocket(`${WS}/echo`);
    const events = eventsOf(socket);
    await socket.opened();
    await disconnectMixTunnel();
    expect(await events).toEqual(['open', 'error', 'close 1006  unclean']);
  });
});
