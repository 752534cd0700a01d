// viem: its HTTP transport takes the function to fetch with.
import { mixFetch } from '@mixweb/mix-fetch';
import { createPublicClient, http, type PublicClient } from 'viem';
import { mainnet } from 'viem/chains';

/** A client that never touches the clear network. */
export function mixClient(url: string): PublicClient {
  const transport = http(url, { fetchFn: mixFetch, timeout: 60_000, batch: true });
  return createPublicClient({ chain: mainnet, transport });
}
