// The packages as the test page holds them.
import type * as MixClient from '@mixweb/mix-client';
import type * as MixDns from '@mixweb/mix-dns';
import type * as MixFetch from '@mixweb/mix-fetch';
import type * as MixTunnel from '@mixweb/mix-tunnel';
import type * as MixWebSocket from '@mixweb/mix-websocket';

export type MixGlobal = typeof MixTunnel &
  typeof MixFetch &
  typeof MixClient &
  typeof MixDns &
  typeof MixWebSocket;
