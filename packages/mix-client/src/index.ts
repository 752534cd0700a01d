/**
 * Messages with the names and events of the Nym SDK, over the page's tunnel. Thin: framing and
 * events here, everything else in mix-tunnel. spec: api part 1 §5
 *
 * @module @mixweb/mix-client
 */

import {
  disconnectMixTunnel,
  getTunnelState,
  mixReply,
  mixSend,
  MixError,
  onMixMessage,
  selfAddress,
  setupMixTunnel,
  type MixMessage,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';

import { decodeEnvelope, encodeEnvelope } from './envelope.ts';
import { MimeTypes, Subscriptions, type Events } from './events.ts';

export { MixError } from '@mixweb/mix-tunnel';
export type { MixErrorCode } from '@mixweb/mix-tunnel';
export { EventKinds, MimeTypes } from './events.ts';
export type {
  BinaryMessageReceivedEvent,
  ConnectedEvent,
  EventHandler,
  EventMap,
  Events,
  LoadedEvent,
  RawMessageReceivedEvent,
  StringMessageReceivedEvent,
  Subscribe,
} from './events.ts';

/** Ten stay with the receiver as its reserve, the others carry its answer at once. */
const DEFAULT_REPLY_SURBS = 20;

export interface NymMixnetClientOptions {
  /** MIME types whose payload arrives as a string. Default text/plain, application/json. */
  autoConvertStringMimeTypes?: string[];
}

/** What is sent: text or bytes, with what the receiver should know about it. */
export interface Payload {
  message: string | Uint8Array;
  /** Default text/plain for a string, application/octet-stream for bytes. */
  mimeType?: string;
  headers?: string;
}

/** A Nym address, or a promise of one, such as `client.selfAddress()`. */
export type RecipientAddress = string | undefined | Promise<string | undefined>;

export interface ClientOpts extends Pick<
  SetupMixTunnelOpts,
  'preferredGateway' | 'storagePassphrase' | 'forceTls' | 'clientId' | 'nymApiUrl'
> {
  /** Accepted for compatibility; the gateway is chosen at random. */
  latencyBasedSelection?: boolean;
  /** Accepted for compatibility and unused. */
  nyxdUrl?: string;
  /** Accepted for compatibility and unused. */
  clientOverride?: unknown;
}

export interface Client {
  /** Connects; resolves when messages can be sent. Joins a tunnel that is ready already. */
  start(opts?: ClientOpts): Promise<void>;
  /** Ends the client, and the tunnel if `start` made it. */
  stop(): Promise<void>;
  /** The own address; undefined before `start`. */
  selfAddress(): Promise<string | undefined>;
  setTextMimeTypes(types: string[]): void;
  getTextMimeTypes(): Promise<string[]>;
  /** Sends a payload with its MIME type. Resolves when it is acknowledged. */
  send(message: {
    payload: Payload;
    recipient: RecipientAddress;
    replySurbs?: number;
  }): Promise<void>;
  /** Sends bytes as they are. Resolves when they are acknowledged. */
  rawSend(message: {
    payload: Uint8Array;
    recipient: RecipientAddress;
    replySurbs?: number;
  }): Promise<void>;
  /** Answers the anonymous sender of a message by its reply SURBs. */
  replyWithSurb(answer: { senderTag: string; payload: Payload }): Promise<void>;
}

export interface NymMixnetClient {
  client: Client;
  events: Events;
}

function envelopeOf({ message, mimeType, headers }: Payload): Uint8Array {
  const isText = typeof message === 'string';
  const fallback = isText ? MimeTypes.TextPlain : MimeTypes.ApplicationOctetStream;
  return encodeEnvelope({
    mimeType: mimeType ?? fallback,
    payload: isText ? new TextEncoder().encode(message) : message,
    ...(headers === undefined ? {} : { headers }),
  });
}

async function addressOf(recipient: RecipientAddress): Promise<string> {
  const address = await recipient;
  if (address === undefined) {
    throw new MixError('BAD_OPTION', 'recipient: expected a Nym address, got undefined');
  }
  return address;
}

class TunnelClient implements Client {
  readonly #events: Subscriptions;
  #textTypes: string[];
  #stopListening: (() => void) | undefined;
  #ownsTunnel = false;

  constructor(events: Subscriptions, textTypes: string[]) {
    this.#events = events;
    this.#textTypes = textTypes;
  }

  async start(opts: ClientOpts = {}): Promise<void> {
    if (this.#stopListening) {
      throw new MixError('ALREADY_SET_UP', 'tunnel error: tunnel already initialised by start');
    }
    // What waits at the gateway comes during the set-up.
    this.#stopListening = onMixMessage((message) => this.#received(message));
    try {
      if ((await getTunnelState()).state !== 'ready') {
        const { latencyBasedSelection, nyxdUrl, clientOverride, ...options } = opts;
        void [latencyBasedSelection, nyxdUrl, clientOverride];
        await setupMixTunnel({ ...options, exit: false });
        this.#ownsTunnel = true;
      }
      this.#events.fire('Connected', { address: await selfAddress() });
    } catch (cause) {
      this.#stopListening();
      this.#stopListening = undefined;
      throw cause;
    }
  }

  async stop(): Promise<void> {
    this.#stopListening?.();
    this.#stopListening = undefined;
    if (this.#ownsTunnel) await disconnectMixTunnel();
    this.#ownsTunnel = false;
  }

  async selfAddress(): Promise<string | undefined> {
    return this.#stopListening ? selfAddress() : undefined;
  }

  setTextMimeTypes(types: string[]): void {
    this.#textTypes = [...types];
  }

  getTextMimeTypes(): Promise<string[]> {
    return Promise.resolve([...this.#textTypes]);
  }

  async send({ payload, recipient, replySurbs }: Parameters<Client['send']>[0]): Promise<void> {
    await this.#send(recipient, envelopeOf(payload), replySurbs);
  }

  async rawSend({
    payload,
    recipient,
    replySurbs,
  }: Parameters<Client['rawSend']>[0]): Promise<void> {
    await this.#send(recipient, payload, replySurbs);
  }

  async replyWithSurb({
    senderTag,
    payload,
  }: Parameters<Client['replyWithSurb']>[0]): Promise<void> {
    await mixReply(senderTag, envelopeOf(payload));
  }

  async #send(
    recipient: RecipientAddress,
    data: Uint8Array,
    replySurbs = DEFAULT_REPLY_SURBS,
  ): Promise<void> {
    await mixSend(await addressOf(recipient), data, { replySurbs });
  }

  #received({ data, senderTag }: MixMessage): void {
    const sender = senderTag === undefined ? {} : { senderTag };
    this.#events.fire('RawMessageReceived', { payload: data, ...sender });
    const envelope = decodeEnvelope(data);
    if (!envelope) return;
    const { mimeType, payload } = envelope;
    const headers = envelope.headers === undefined ? {} : { headers: envelope.headers };
    if (this.#textTypes.includes(mimeType)) {
      this.#events.fire('StringMessageReceived', {
        mimeType,
        payload: new TextDecoder().decode(payload),
        payloadRaw: payload,
        ...headers,
        ...sender,
      });
    } else {
      this.#events.fire('BinaryMessageReceived', { mimeType, payload, ...headers, ...sender });
    }
  }
}

/** A client over the page's tunnel. Subscribe to its events, then `start` it. */
export const createNymMixnetClient = async (
  options: NymMixnetClientOptions = {},
): Promise<NymMixnetClient> => {
  const events = new Subscriptions();
  const textTypes = options.autoConvertStringMimeTypes ?? [
    MimeTypes.TextPlain,
    MimeTypes.ApplicationJson,
  ];
  const client = new TunnelClient(events, [...textTypes]);
  // After the caller has had its turn to subscribe.
  setTimeout(() => events.fire('Loaded', { loaded: true }), 0);
  return { client, events };
};

/** The same under this project's naming. */
export const createMixClient: typeof createNymMixnetClient = createNymMixnetClient;
