import { MixError, MixErrorCode, SetupMixTunnelOpts } from '@mixweb/mix-tunnel';

export declare const EventKinds: {
  readonly Loaded: 'Loaded';
  readonly Connected: 'Connected';
  readonly StringMessageReceived: 'StringMessageReceived';
  readonly BinaryMessageReceived: 'BinaryMessageReceived';
  readonly RawMessageReceived: 'RawMessageReceived';
};
export type EventKinds = (typeof EventKinds)[keyof typeof EventKinds];
export declare const MimeTypes: {
  readonly ApplicationOctetStream: 'application/octet-stream';
  readonly TextPlain: 'text/plain';
  readonly ApplicationJson: 'application/json';
};
export type MimeTypes = (typeof MimeTypes)[keyof typeof MimeTypes];
export interface LoadedEvent {
  kind: typeof EventKinds.Loaded;
  args: {
    loaded: true;
  };
}
export interface ConnectedEvent {
  kind: typeof EventKinds.Connected;
  args: {
    address?: string;
  };
}
/** `senderTag` is present when the sender can be answered with replyWithSurb. */
export interface StringMessageReceivedEvent {
  kind: typeof EventKinds.StringMessageReceived;
  args: {
    mimeType: string;
    payload: string;
    payloadRaw: Uint8Array;
    headers?: string;
    senderTag?: string;
  };
}
export interface BinaryMessageReceivedEvent {
  kind: typeof EventKinds.BinaryMessageReceived;
  args: {
    mimeType: string;
    payload: Uint8Array;
    headers?: string;
    senderTag?: string;
  };
}
export interface RawMessageReceivedEvent {
  kind: typeof EventKinds.RawMessageReceived;
  args: {
    payload: Uint8Array;
    senderTag?: string;
  };
}
export interface EventMap {
  Loaded: LoadedEvent;
  Connected: ConnectedEvent;
  StringMessageReceived: StringMessageReceivedEvent;
  BinaryMessageReceived: BinaryMessageReceivedEvent;
  RawMessageReceived: RawMessageReceivedEvent;
}
export type EventHandler<E> = (event: E) => void | Promise<void>;
/** Returns the function that ends the subscription. */
export type Subscribe<E> = (handler: EventHandler<E>) => () => void;
export interface Events {
  subscribeToLoaded: Subscribe<LoadedEvent>;
  subscribeToConnected: Subscribe<ConnectedEvent>;
  subscribeToTextMessageReceivedEvent: Subscribe<StringMessageReceivedEvent>;
  subscribeToBinaryMessageReceivedEvent: Subscribe<BinaryMessageReceivedEvent>;
  subscribeToRawMessageReceivedEvent: Subscribe<RawMessageReceivedEvent>;
}
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
/** A client over the page's tunnel. Subscribe to its events, then `start` it. */
export declare const createNymMixnetClient: (
  options?: NymMixnetClientOptions,
) => Promise<NymMixnetClient>;
/** The same under this project's naming. */
export declare const createMixClient: typeof createNymMixnetClient;

export { MixError, MixErrorCode };

export {};
