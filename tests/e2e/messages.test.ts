// Messages between two clients of the local mixnet, without any exit: in Node and in Chromium.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { createNymMixnetClient, EventKinds } from '@mixweb/mix-client';
import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelInfo,
  MixError,
  mixMessages,
  mixReply,
  mixSend,
  onMixMessage,
  selfAddress,
  setupMixTunnel,
  type MixMessage,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';
import { startLocalnet } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { MixGlobal } from './support/mix-global.ts';

declare const mix: MixGlobal;

interface FromPeer {
  kind: 'ready' | 'message';
  address: string;
  data: Uint8Array;
  senderTag?: string;
}

const ADDRESS = /^[1-9A-Za-z]+\.[1-9A-Za-z]+@[1-9A-Za-z]+$/;
const UNKNOWN_TAG = '4cnuphT4Xx5EZ3DXn6wNWf'; // base58 of 16 bytes

let localnet: Awaited<ReturnType<typeof startLocalnet>>;
/** Without shaping, to be quick on a busy machine; the SDK's client and the pages have it. */
const options = (): SetupMixTunnelOpts => ({
  nymApiUrl: localnet.directory,
  forceTls: false,
  exit: false,
  disablePoissonTraffic: true,
  disableCoverTraffic: true,
});

beforeAll(async () => {
  localnet = await startLocalnet();
});
afterAll(async () => {
  await localnet.stop();
});

/** The next message that arrives here. */
function nextMessage(): Promise<MixMessage> {
  return new Promise((resolve) => {
    const stop = onMixMessage((message) => {
      stop();
      resolve(message);
    });
  });
}

describe('messages between two Node clients', () => {
  let peer: Worker;
  let peerAddress: string;

  /** What the peer tells next. */
  const fromPeer = async (): Promise<FromPeer> => {
    const [told] = (await once(peer, 'message')) as [FromPeer];
    return told;
  };
  /** Resolves when the peer has heard this text; what was given up may still arrive before. */
  const heard = async (text: string): Promise<void> => {
    while (new TextDecoder().decode((await fromPeer()).data) !== text);
  };

  beforeAll(async () => {
    peer = new Worker(new URL('./support/message-peer.mjs', import.meta.url), {
      workerData: options(),
    });
    peerAddress = (await fromPeer()).address;
    await setupMixTunnel(options());
  });
  afterAll(async () => {
    await disconnectMixTunnel();
    await peer.terminate();
  });

  it('know their addresses and need no exit', async () => {
    expect(await selfAddress()).toMatch(ADDRESS);
    expect(peerAddress).toMatch(ADDRESS);
    expect(await getTunnelInfo()).toMatchObject({ address: await selfAddress(), exit: '' });
    await expect(mixFetch('https://origin.example/')).rejects.toMatchObject({ code: 'NO_EXIT' });
  });

  it('delivers a message that tells nothing of its sender', async () => {
    const told = fromPeer();
    await mixSend(peerAddress, 'hello ±∞');
    const { data, senderTag } = await told;
    expect(new TextDecoder().decode(data)).toBe('hello ±∞');
    expect(senderTag).toBeUndefined();
  });

  it.each([
    [20, 'held by the receiver'],
    [3, 'asked for by the receiver'],
  ])('gets an anonymous answer by %i reply SURBs, the rest %s', async (replySurbs) => {
    const answer = nextMessage();
    await mixSend(peerAddress, `echo with ${replySurbs}`, { replySurbs });
    const message = await answer;
    expect(message.text()).toBe(`with ${replySurbs}`);
    expect(message.senderTag).toBeUndefined();
    expect(Math.abs(Date.now() - message.receivedAt)).toBeLessThan(60_000);
    await expect(message.reply('no way')).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('is answered through mixReply and message.reply alike', async () => {
    const first = nextMessage();
    const tagged = fromPeer();
    peer.postMessage({ to: await selfAddress(), text: 'plain' });
    expect((await first).text()).toBe('plain');
    await mixSend(peerAddress, 'who am I?', { replySurbs: 12 });
    expect((await tagged).senderTag).toMatch(/^[1-9A-Za-z]{21,22}$/);
  });

  it('carries 100 kB byte for byte', async () => {
    const bytes = new Uint8Array(100_000).map((_, i) => (i * 7) % 251);
    const told = fromPeer();
    await mixSend(peerAddress, bytes, { lane: 'fast' });
    expect((await told).data).toEqual(bytes);
  });

  it('resolves earlier when a place in the queue is enough', async () => {
    const told = heard('queued');
    await mixSend(peerAddress, 'queued', { confirm: 'queued' });
    await told;
  });

  it('sends to itself', async () => {
    const message = nextMessage();
    await mixSend(await selfAddress(), 'note to self', { replySurbs: 15 });
    const received = await message;
    expect(received.text()).toBe('note to self');
    const answer = nextMessage();
    await received.reply('noted');
    expect((await answer).text()).toBe('noted');
  });

  it('iterates over messages until told to stop', async () => {
    const controller = new AbortController();
    const messages = mixMessages({ signal: controller.signal });
    const own = await selfAddress();
    await mixSend(own, 'one');
    await mixSend(own, 'two');
    const texts: string[] = [];
    for await (const message of messages) {
      texts.push(message.text());
      if (texts.length === 2) controller.abort();
    }
    expect(texts).toEqual(['one', 'two']);
  });

  it.each<[string, () => Promise<void>, string, string | undefined]>([
    ['a bad address', () => mixSend('nobody', 'x'), 'BAD_OPTION', 'mixnet_bad_recipient'],
    [
      'an unknown gateway',
      async () => {
        const [client, key] = [peerAddress.split('@')[0], peerAddress.split('.')[0]];
        await mixSend(`${client}@${key}`, 'x');
      },
      'UNDELIVERED',
      'directory_unknown_node',
    ],
    ['an unknown tag', () => mixReply(UNKNOWN_TAG, 'x'), 'BAD_OPTION', 'mixnet_unknown_sender'],
    ['a malformed tag', () => mixReply('x', 'x'), 'BAD_OPTION', 'mixnet_bad_recipient'],
    ['an empty reply', () => mixReply(UNKNOWN_TAG, ''), 'BAD_BODY', 'mixnet_empty_reply'],
    [
      'more than the mixnet carries',
      () => mixSend(peerAddress, new Uint8Array(17 * 1024 * 1024)),
      'BODY_TOO_LARGE',
      'mixnet_message_too_long',
    ],
    [
      'a time limit that passes',
      () => mixSend(peerAddress, 'late', { timeoutMs: 1 }),
      'UNDELIVERED',
      'mixnet_timeout',
    ],
    [
      'a body of another type',
      () => mixSend(peerAddress, 7 as unknown as string),
      'BAD_BODY',
      undefined,
    ],
    [
      'an unknown lane',
      () => mixSend(peerAddress, 'x', { lane: 'slow' as 'fast' }),
      'BAD_OPTION',
      undefined,
    ],
  ])('rejects %s with a typed error', async (_, send, code, detail) => {
    const error = await send().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(MixError);
    expect(error).toMatchObject({ code, detail });
  });

  it.each([
    ['replySurbs', { replySurbs: 501 }],
    ['timeoutMs', { timeoutMs: 0 }],
  ])('refuses %s out of range', async (_, bad) => {
    await expect(mixSend(peerAddress, 'x', bad)).rejects.toBeInstanceOf(RangeError);
  });

  it('stops sending when its signal says so', async () => {
    const controller = new AbortController();
    const big = new Uint8Array(1_000_000);
    const sending = mixSend(peerAddress, big, { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(sending).rejects.toThrow('changed my mind');
    await expect(mixSend(peerAddress, 'x', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const told = heard('after the abort');
    await mixSend(peerAddress, 'after the abort');
    await told;
  });
});

describe('before and after a tunnel', () => {
  afterEach(async () => {
    await disconnectMixTunnel();
  });

  it('refuses to send before the set-up', async () => {
    await expect(mixSend('x', 'y')).rejects.toMatchObject({ code: 'NOT_READY' });
    await expect(selfAddress()).rejects.toMatchObject({ code: 'NOT_READY' });
  });

  it('rejects what is on its way at a disconnect, and ends iterations', async () => {
    await setupMixTunnel(options());
    const messages = mixMessages();
    const sending = mixSend(await selfAddress(), new Uint8Array(500_000)).catch(
      (cause: unknown) => cause,
    );
    await disconnectMixTunnel();
    expect(await sending).toMatchObject({ code: 'ABORTED' });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });
});

describe('the client with the names of the SDK', () => {
  it('fires its events in order and answers by SURB', async () => {
    const { client, events } = await createNymMixnetClient();
    const order: string[] = [];
    const loaded = new Promise<void>((resolve) => {
      events.subscribeToLoaded(({ kind, args }) => {
        order.push(kind);
        expect(args).toEqual({ loaded: true });
        resolve();
      });
    });
    await loaded;
    const connected = new Promise<string | undefined>((resolve) => {
      events.subscribeToConnected(({ kind, args }) => {
        order.push(kind);
        resolve(args.address);
      });
    });
    expect(await client.selfAddress()).toBeUndefined();
    await client.start({ nymApiUrl: localnet.directory, forceTls: false });
    expect(await connected).toMatch(ADDRESS);
    expect(order).toEqual([EventKinds.Loaded, EventKinds.Connected]);

    const raw: number[] = [];
    events.subscribeToRawMessageReceivedEvent(({ args }) => void raw.push(args.payload.length));
    const text = new Promise<string>((resolve) => {
      events.subscribeToTextMessageReceivedEvent(async ({ args }) => {
        if (args.senderTag !== undefined) {
          await client.replyWithSurb({
            senderTag: args.senderTag,
            payload: { message: new Uint8Array([1, 2, 3]), headers: 'about=answer' },
          });
        }
        resolve(`${args.mimeType} ${args.payload} ${args.headers ?? '-'}`);
      });
    });
    const binary = new Promise<unknown>((resolve) => {
      events.subscribeToBinaryMessageReceivedEvent(({ args }) => resolve(args));
    });
    // The address is a promise here, as the SDK's quick start writes it.
    await client.send({ payload: { message: 'hello' }, recipient: client.selfAddress() });
    expect(await text).toBe('text/plain hello -');
    expect(await binary).toEqual({
      mimeType: 'application/octet-stream',
      payload: new Uint8Array([1, 2, 3]),
      headers: 'about=answer',
    });
    expect(raw).toHaveLength(2);

    const bare = new Promise<number>((resolve) => {
      const stop = events.subscribeToRawMessageReceivedEvent(({ args }) => {
        stop();
        resolve(args.payload.length);
      });
    });
    await client.rawSend({
      payload: new Uint8Array(5),
      recipient: client.selfAddress(),
      replySurbs: 0,
    });
    expect(await bare).toBe(5);
    await client.stop();
    expect(await client.selfAddress()).toBeUndefined();
  });
});

describe('two pages of one browser', () => {
  it('talk to one another and answer by SURB', async () => {
    const pages = await servePages();
    const browser = await launchBrowser('chromium');
    const [alice, bob] = await Promise.all([
      browser.open(pages.url('index')),
      browser.open(pages.url('index')),
    ]);
    const setUp = (directory: string): Promise<string> =>
      mix
        .setupMixTunnel({ nymApiUrl: directory, forceTls: false, exit: false })
        .then(() => mix.selfAddress());
    await alice.evaluate(setUp, localnet.directory);
    const bobsAddress = await bob.evaluate(setUp, localnet.directory);
    await bob.evaluate(() => {
      mix.onMixMessage((message) => void message.reply(`you said ${message.text()}`));
    });
    const answer = await alice.evaluate(async (to) => {
      const next = mix.mixMessages().next();
      await mix.mixSend(to, 'hi', { replySurbs: 15 });
      const { value } = await next;
      return (value as MixMessage).text();
    }, bobsAddress);
    expect(answer).toBe('you said hi');
    await browser.close();
    await pages.stop();
  });
});
