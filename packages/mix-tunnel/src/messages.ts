// Messages to and from other clients of the mixnet, with anonymous answers by reply SURBs.
// spec: api part 2 §8
import type { MessageNews, MessageRequest } from '../../../worker/src/protocol.ts';
import { MixError } from './mix-error.ts';
import type { Tunnel } from './tunnel.ts';

const MAX_REPLY_SURBS = 500;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Options of every message. */
export interface MixReplyOptions {
  /** Ends the wait, and the sending of what has not left yet. */
  signal?: AbortSignal;
  /** Messages of one lane do not wait for those of the other. Default 'general'. */
  lane?: 'general' | 'fast';
  /** What resolves the promise: all acknowledgements (default), or a place in the queue. */
  confirm?: 'acknowledged' | 'queued';
  /** Then the message is given up with UNDELIVERED, ms. Default 120 000. */
  timeoutMs?: number;
}

export interface MixSendOptions extends MixReplyOptions {
  /** Single-use reply blocks sent along, 0..500: the receiver can answer, and knows the sender by
   *  a pseudonym only. Default 0: no answer is possible. */
  replySurbs?: number;
}

/** A message from another client. */
export interface MixMessage {
  data: Uint8Array;
  /** `data` as UTF-8. */
  text(): string;
  /** Pseudonym of the sender, base58; absent when it sent no reply SURBs. */
  senderTag?: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** Answers by the sender's reply SURBs. */
  reply(data: Uint8Array | string, options?: MixReplyOptions): Promise<void>;
}

export interface MessageApi {
  /**
   * Sends a message to a Nym address; needs no exit. Resolves when all its packets are
   * acknowledged. Rejects with a MixError: `NOT_READY`, `BAD_OPTION` (bad address), `BAD_BODY`,
   * `BODY_TOO_LARGE`, `UNDELIVERED` (lost or late), or with the signal's reason.
   */
  mixSend(to: string, data: Uint8Array | string, options?: MixSendOptions): Promise<void>;
  /** Answers an anonymous sender. As mixSend; an unknown tag rejects with `BAD_OPTION`. */
  mixReply(senderTag: string, data: Uint8Array | string, options?: MixReplyOptions): Promise<void>;
  /** Calls `listener` for each message until the returned function or `signal` ends it. */
  onMixMessage(
    listener: (message: MixMessage) => void,
    options?: { signal?: AbortSignal },
  ): () => void;
  /** Messages from now on, until `signal` or the tunnel's end. At most 1024 wait. */
  mixMessages(options?: { signal?: AbortSignal }): AsyncIterableIterator<MixMessage>;
  /** The own Nym address. */
  selfAddress(): Promise<string>;
}

function bytesOf(data: unknown): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  if (data instanceof Uint8Array) return data;
  throw new MixError('BAD_BODY', 'message: expected a string or a Uint8Array');
}

function checkRange(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name}: expected an integer from ${min} to ${max}, got ${value}`);
  }
}

function checkName(name: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new MixError('BAD_OPTION', `${name}: expected ${allowed.join(' or ')}, got ${value}`);
}

function messageRequest(
  addressing: MessageRequest['addressing'],
  to: string,
  data: Uint8Array | string,
  options: MixSendOptions,
): MessageRequest {
  const { replySurbs, lane, confirm, timeoutMs } = options;
  checkRange('replySurbs', replySurbs, 0, MAX_REPLY_SURBS);
  checkRange('timeoutMs', timeoutMs, 1, MAX_TIMEOUT_MS);
  checkName('lane', lane, ['general', 'fast']);
  checkName('confirm', confirm, ['acknowledged', 'queued']);
  if (typeof to !== 'string') throw new MixError('BAD_OPTION', 'recipient: expected a string');
  return { to, addressing, data: bytesOf(data), replySurbs, lane, confirm, timeoutMs };
}

export function bindMessages(tunnel: () => Tunnel): MessageApi {
  const mixReply: MessageApi['mixReply'] = async (senderTag, data, options = {}) =>
    tunnel().sendMessage(messageRequest('senderTag', senderTag, data, options), options.signal);

  const received = (news: MessageNews): MixMessage => {
    const { data, senderTag, receivedAt } = news;
    return {
      data,
      text: () => new TextDecoder().decode(data),
      ...(senderTag === undefined ? {} : { senderTag }),
      receivedAt,
      reply: async (answer, options) => {
        if (senderTag === undefined) {
          throw new MixError('BAD_OPTION', 'the sender of this message sent no reply SURBs');
        }
        return mixReply(senderTag, answer, options);
      },
    };
  };

  return {
    mixSend: async (to, data, options = {}) =>
      tunnel().sendMessage(messageRequest('recipient', to, data, options), options.signal),
    mixReply,
    onMixMessage: (listener, options = {}) =>
      tunnel().inbox.listen((news) => listener(received(news)), options.signal),
    mixMessages: (options = {}) => {
      const news = tunnel().inbox.iterate(options.signal);
      const messages: AsyncIterableIterator<MixMessage> = {
        next: async () => {
          const next = await news.next();
          return next.done === true ? next : { done: false, value: received(next.value) };
        },
        return: async () => {
          await news.return?.();
          return { done: true, value: undefined };
        },
        [Symbol.asyncIterator]: () => messages,
      };
      return messages;
    },
    selfAddress: async () => (await tunnel().info()).address,
  };
}
