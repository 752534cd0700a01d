// ethers: every request of its providers goes through the mixnet.
import { mixFetch } from '@mixweb/mix-fetch';
import { FetchRequest, JsonRpcProvider } from 'ethers';

/** The function that ethers calls for each request. Install it with FetchRequest.registerGetUrl. */
export const getUrl: Parameters<typeof FetchRequest.registerGetUrl>[0] = async (
  request,
  signal,
) => {
  const aborter = new AbortController();
  signal?.addListener(() => aborter.abort());
  const response = await mixFetch(request.url, {
    method: request.method,
    headers: request.headers,
    // ethers takes its own bytes for any ArrayBuffer.
    body: (request.body as Uint8Array<ArrayBuffer> | null) ?? null,
    timeoutMs: request.timeout,
    signal: aborter.signal,
  });
  return {
    statusCode: response.status,
    statusMessage: response.statusText,
    headers: Object.fromEntries(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
  };
};

/** A provider that never touches the clear network. */
export function mixProvider(url: string): JsonRpcProvider {
  const request = new FetchRequest(url);
  request.getUrlFunc = getUrl;
  return new JsonRpcProvider(request, 1, { staticNetwork: true });
}

/** The address behind an ENS name, asked through the mixnet. */
export function resolveEns(url: string, name: string): Promise<string | null> {
  return mixProvider(url).resolveName(name);
}
