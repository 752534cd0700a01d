// The packages as the test page holds them.
import type * as MixClient from '@mixweb/mix-client';
import type * as MixFetch from '@mixweb/mix-fetch';
import type * as MixTunnel from '@mixweb/mix-tunnel';

export type MixGlobal = typeof MixTunnel & typeof MixFetch & typeof MixClient;
