import { describe, expect, it } from 'vitest';

import type { MessageNews } from '../../../worker/src/protocol.ts';
import { Inbox } from '../src/inbox.ts';
import type { MixError } from '../src/mix-error.ts';

const message = (n: number, size = 1): MessageNews => ({
  data: new Uint8Array(size).fill(n % 256),
  receivedAt: n,
});

function newInbox(): { inbox: Inbox; warnings: MixError[] } {
  const warnings: MixError[] = [];
  return { inbox: new Inbox((warning) => void warnings.push(warning)), warnings };
}

describe('the inbox', () => {
  it('keeps messages for the first listener, in order', async () => {
    const { inbox } = newInbox();
    const first: number[] = [];
    const second: number[] = [];
    inbox.add(message(1));
    inbox.add(message(2));
    inbox.listen(({ receivedAt }) => void first.push(receivedAt));
    inbox.listen(({ receivedAt }) => void second.push(receivedAt));
    await Promise.resolve();
    inbox.add(message(3));
    expect(first).toEqual([1, 2, 3]);
    expect(second).toEqual([3]);
  });

  it('tells nobody who has stopped', async () => {
    const { inbox } = newInbox();
    const heard: number[] = [];
    const newListener =
      () =>
      ({ receivedAt }: MessageNews): void =>
        void heard.push(receivedAt);
    const controller = new AbortController();
    inbox.listen(newListener(), controller.signal);
    const stop = inbox.listen(newListener());
    inbox.listen(newListener(), AbortSignal.abort());
    inbox.add(message(1));
    controller.abort();
    stop();
    inbox.add(message(2));
    await Promise.resolve();
    expect(heard).toEqual([1, 1]);
  });

  it('drops the oldest beyond 1024 messages or 16 MiB, with a warning', async () => {
    const { inbox, warnings } = newInbox();
    for (let n = 0; n < 1030; n++) inbox.add(message(n));
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toMatchObject({ code: 'UNDELIVERED' });
    const heard: number[] = [];
    const stop = inbox.listen(({ receivedAt }) => void heard.push(receivedAt));
    await Promise.resolve();
    expect([heard.length, heard[0], heard.at(-1)]).toEqual([1024, 6, 1029]);
    stop();
    for (let n = 0; n < 5; n++) inbox.add(message(n, 4 * 1024 * 1024));
    expect(warnings).toHaveLength(7);
  });

  it('iterates in order, one reader waiting or behind, until the end', async () => {
    const { inbox } = newInbox();
    const messages = inbox.iterate();
    const waiting = messages.next();
    inbox.add(message(1));
    inbox.add(message(2));
    inbox.end();
    inbox.add(message(3));
    const read = [await waiting, await messages.next(), await messages.next()];
    expect(read.map(({ done, value }) => [done, value?.receivedAt])).toEqual([
      [false, 1],
      [false, 2],
      [true, undefined],
    ]);
  });

  it('stops listening when the loop is left', async () => {
    const { inbox } = newInbox();
    const messages = inbox.iterate();
    inbox.add(message(1));
    for await (const { receivedAt } of messages) {
      expect(receivedAt).toBe(1);
      break;
    }
    inbox.add(message(2)); // kept for the next listener
    const heard: number[] = [];
    inbox.listen(({ receivedAt }) => void heard.push(receivedAt));
    await Promise.resolve();
    expect(heard).toEqual([2]);
  });

  it('is over at once for a signal that is aborted already', async () => {
    const { inbox } = newInbox();
    expect(await inbox.iterate(AbortSignal.abort()).next()).toMatchObject({ done: true });
  });
});
