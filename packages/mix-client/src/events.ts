// The SDK's events: kinds, their arguments, and who subscribed to which. spec: api part 1 §5

export const EventKinds = {
  Loaded: 'Loaded',
  Connected: 'Connected',
  StringMessageReceived: 'StringMessageReceived',
  BinaryMessageReceived: 'BinaryMessageReceived',
  RawMessageReceived: 'RawMessageReceived',
} as const;
export type EventKinds = (typeof EventKinds)[keyof typeof EventKinds];

export const MimeTypes = {
  ApplicationOctetStream: 'application/octet-stream',
  TextPlain: 'text/plain',
  ApplicationJson: 'application/json',
} as const;
export type MimeTypes = (typeof MimeTypes)[keyof typeof MimeTypes];

export interface LoadedEvent {
  kind: typeof EventKinds.Loaded;
  args: { loaded: true };
}
export interface ConnectedEvent {
  kind: typeof EventKinds.Connected;
  args: { address?: string };
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
  args: { mimeType: string; payload: Uint8Array; headers?: string; senderTag?: string };
}
export interface RawMessageReceivedEvent {
  kind: typeof EventKinds.RawMessageReceived;
  args: { payload: Uint8Array; senderTag?: string };
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

type Handlers = { [K in EventKinds]: Set<EventHandler<EventMap[K]>> };

export class Subscriptions implements Events {
  readonly #handlers: Handlers = {
    Loaded: new Set(),
    Connected: new Set(),
    StringMessageReceived: new Set(),
    BinaryMessageReceived: new Set(),
    RawMessageReceived: new Set(),
  };

  readonly subscribeToLoaded = this.#subscriber('Loaded');
  readonly subscribeToConnected = this.#subscriber('Connected');
  readonly subscribeToTextMessageReceivedEvent = this.#subscriber('StringMessageReceived');
  readonly subscribeToBinaryMessageReceivedEvent = this.#subscriber('BinaryMessageReceived');
  readonly subscribeToRawMessageReceivedEvent = this.#subscriber('RawMessageReceived');

  /** A handler's failure is reported as uncaught; the others still hear. */
  fire<K extends EventKinds>(kind: K, args: EventMap[K]['args']): void {
    const event = { kind, args } as EventMap[K];
    for (const handler of [...this.#handlers[kind]]) {
      void Promise.resolve().then(() => handler(event));
    }
  }

  #subscriber<K extends EventKinds>(kind: K): Subscribe<EventMap[K]> {
    return (handler) => {
      this.#handlers[kind].add(handler);
      return () => void this.#handlers[kind].delete(handler);
    };
  }
}
