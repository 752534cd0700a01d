// mixFetch: fetch through the page's mixnet tunnel. spec: api part 1 §2, part 2 §3
import {
  MixError,
  setupMixTunnel,
  sharedTunnel,
  type FetchTiming,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';

import { prepare, type MixRequestInit } from './request.ts';
import { buildResponse, hasNullBody } from './response.ts';

export { disconnectMixTunnel, getTunnelState, MixError, setupMixTunnel } from '@mixweb/mix-tunnel';
export type { FetchTiming, MixErrorCode, SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
export type { MixRequestInit } from './request.ts';

const timings = new WeakMap<Response, FetchTiming>();

export interface MixFetch {
  /** As fetch: resolves after the response head, whatever its status. */
  (input: string | URL | Request, init?: MixRequestInit): Promise<Response>;
  /** Where the time went, ms; complete once the body has been read to its end. */
  timing(response: Response): FetchTiming | undefined;
}

function abortReason(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

async function fetchThroughTunnel(
  input: string | URL | Request,
  init?: MixRequestInit,
): Promise<Response> {
  const { request, signal } = await prepare(input, init);
  signal?.throwIfAborted();
  return new Promise<Response>((resolve, reject) => {
    let body: ReadableStreamDefaultController<Uint8Array> | undefined;
    let response: Response | undefined;
    let finished = false;

    const finish = (): void => {
      finished = true;
      signal?.removeEventListener('abort', onAbort);
    };
    const failWith = (error: unknown): void => {
      if (finished) return;
      finish();
      if (response) body?.error(error);
      else reject(error as Error);
    };
    const onAbort = (): void => {
      channel.cancel();
      failWith(abortReason(signal as AbortSignal));
    };

    const consumer = {
      start: (controller: ReadableStreamDefaultController<Uint8Array>): void => {
        body = controller;
      },
      cancel: (): void => {
        if (finished) return;
        finish();
        channel.cancel();
      },
    };
    // The queue itself holds nothing back: the engine sends on only what the reader has taken.
    const delivered = (stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> =>
      stream.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>(
          {
            transform(chunk, controller) {
              controller.enqueue(chunk);
              channel.consumed(chunk.byteLength);
            },
          },
          undefined,
          { highWaterMark: 0 },
        ),
      );

    const channel = sharedTunnel().fetch(request, (message) => {
      if (finished) return;
      switch (message.kind) {
        case 'head': {
          const bodyless = hasNullBody(message.status, request.method);
          const stream = bodyless ? null : delivered(new ReadableStream(consumer));
          try {
            response = buildResponse(message, stream);
          } catch (cause) {
            channel.cancel();
            failWith(
              new MixError('HTTP_PARSE', `HTTP error: status ${message.status} has no Response`, {
                cause,
                phase: 'response',
              }),
            );
            return;
          }
          resolve(response);
          break;
        }
        case 'chunk':
          body?.enqueue(message.bytes);
          break;
        case 'end':
          finish();
          if (response) timings.set(response, message.timing);
          body?.close();
          break;
        case 'failed':
          failWith(MixError.from(message.error));
          break;
      }
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

/** Drop-in fetch through the mixnet. Set the tunnel up first. Rejects with MixError. */
export const mixFetch: MixFetch = Object.assign(fetchThroughTunnel, {
  timing: (response: Response) => timings.get(response),
});

/** Sets the tunnel up and returns mixFetch. Rejects when a tunnel lives already. */
export const createMixFetch = async (opts?: SetupMixTunnelOpts): Promise<MixFetch> => {
  await setupMixTunnel(opts);
  return mixFetch;
};
