// Types of localnet.mjs.

export interface LocalnetOptions {
  /** Further options of the program, e.g. `['--map', '203.0.113.0/24:*=127.0.0.1:*']`. */
  args?: readonly string[];
  /** Path of the native program. Default: the one that is found. */
  program?: string;
  /** How long it may take until it is ready, in ms. Default 60 000. */
  timeoutMs?: number;
}

export interface Localnet {
  /** For `nymApiUrl`. */
  readonly directory: string;
  /** Counters and faults by HTTP; its root is a status page. */
  readonly admin: string;
  /** For Prometheus. */
  readonly metrics: string;
  readonly entries: { id: number; identity: string; url: string }[];
  readonly exits: { id: number; identity: string; ipr: string }[];
  readonly mixes: { id: number; layer: number; identity: string; address: string }[];
  /** Options for `setupMixTunnel` that lead a tunnel into this network. */
  readonly tunnel: { nymApiUrl: string; forceTls: false };
  /** What the program has printed so far. */
  output(): string;
  /** Ends the network; resolves when it is gone. It also ends with this process. */
  stop(): Promise<void>;
}

/** Starts a mixnet on free loopback ports. Rejects when the program is missing or does not start. */
export declare function startLocalnet(options?: LocalnetOptions): Promise<Localnet>;
