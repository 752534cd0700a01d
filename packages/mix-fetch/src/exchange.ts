// One exchange through the tunnel, from prepared request to Response.
import { MixError, sharedTunnel, type FetchMessage, type FetchTiming } from '@mixweb/mix-tunnel';

import { failUnread, onceAborted } from './abort.ts';
import type { CookieKeeper } from './cookie-jar.ts';
import { verified } from './integrity.ts';
import type { MixRequestInit, Progress } from './options.ts';
import { abortReason, type Prepared } from './request.ts';
import { bodySize, buildResponse, hasNullBody, type Head } from './response.ts';
import { Upload } from './upload.ts';

export const timings = new WeakMap<Response, FetchTiming>();

type Listeners = Pick<MixRequestInit, 'onUploadProgress' | 'onDownloadProgress'>;

const progress = (loaded: number, total: number | undefined): Progress =>
  total === undefined ? { loaded } : { loaded, total };

/** `shaped` makes of a failure what the reader of a body sees. */
export function exchange(
  prepared: Prepared,
  listeners: Listeners,
  cookies: CookieKeeper | undefined,
  shaped: (error: unknown) => unknown,
): Promise<Response> {
  const { request, signal, integrity } = prepared;
  return new Promise<Response>((resolve, reject) => {
    let body: ReadableStreamDefaultController<Uint8Array> | undefined;
    /** Where the last chunk waits for the reader. */
    let passing: TransformStreamDefaultController<Uint8Array> | undefined;
    let response: Response | undefined;
    let settled = false;
    let finished = false;

    let stopHearing: () => void = () => undefined;

    const finish = (): void => {
      finished = true;
      stopHearing();
    };
    const failWith = (error: unknown): void => {
      if (finished) return;
      finish();
      channel.send({ kind: 'cancel' });
      upload?.stop(error);
      body?.error(shaped(error));
      if (!settled) reject(error as Error);
    };
    const onAbort = (): void => failWith(abortReason(signal as AbortSignal));

    /** The engine sends on only what the reader has taken: the queue itself holds nothing back. */
    const stream = (head: Head): ReadableStream<Uint8Array> => {
      const total = bodySize(head);
      let loaded = 0;
      const arriving = new ReadableStream<Uint8Array>({
        start: (controller) => {
          body = controller;
        },
        cancel: (reason) => {
          if (finished) return;
          finish();
          channel.send({ kind: 'cancel' });
          upload?.stop(reason);
        },
      });
      const taken = new TransformStream<Uint8Array, Uint8Array>(
        {
          start: (controller) => {
            passing = controller;
          },
          transform(chunk, controller) {
            loaded += chunk.byteLength;
            channel.send({ kind: 'consumed', bytes: chunk.byteLength });
            listeners.onDownloadProgress?.(progress(loaded, total));
            controller.enqueue(chunk);
          },
          flush: () => stopHearing(),
        },
        undefined,
        { highWaterMark: 0 },
      );
      return arriving.pipeThrough(taken);
    };

    const resolveWith = (head: Head, content: Parameters<typeof buildResponse>[1]): void => {
      try {
        response = buildResponse(head, content);
      } catch (cause) {
        const what = `HTTP error: status ${head.status} has no Response`;
        failWith(new MixError('HTTP_PARSE', what, { cause, phase: 'response' }));
        return;
      }
      settled = true;
      resolve(response);
    };

    const onHead = async (head: Head): Promise<void> => {
      const content = hasNullBody(head.status, request.method) ? null : stream(head);
      if (cookies) {
        const set = head.headers.filter(([name]) => name.toLowerCase() === 'set-cookie');
        await cookies.keep(
          set.map(([, value]) => value),
          head.url,
        );
      }
      if (integrity) {
        const bytes = await verified(content, integrity);
        resolveWith(head, content === null ? null : bytes);
      } else {
        resolveWith(head, content);
      }
      if (response && timing) timings.set(response, timing);
    };
    let timing: FetchTiming | undefined;

    const onMessage = (message: FetchMessage): void => {
      if (finished) return;
      switch (message.kind) {
        case 'head':
          onHead(message).catch((error: unknown) => {
            finished = false;
            failWith(error);
          });
          break;
        case 'chunk':
          if (body) body.enqueue(message.bytes);
          // A body where there must be none (205) goes nowhere.
          else channel.send({ kind: 'consumed', bytes: message.bytes.byteLength });
          break;
        case 'bodyWanted':
          upload?.wanted(message.attempt, message.bytes);
          break;
        case 'uploaded':
          listeners.onUploadProgress?.(progress(message.bytes, prepared.bodySize));
          break;
        case 'redirected':
          cookies?.redirected(message, channel, failWith);
          break;
        case 'end':
          finish();
          timing = message.timing;
          if (response) timings.set(response, timing);
          upload?.stop();
          if (body) {
            body.close();
            if (signal && passing) {
              stopHearing = failUnread(passing, signal, () => shaped(abortReason(signal)));
            }
          }
          break;
        case 'failed':
          failWith(MixError.from(message.error));
          break;
      }
    };

    const channel = sharedTunnel().fetch(request, onMessage);
    const upload =
      prepared.body === undefined ? undefined : new Upload(prepared.body, () => channel, failWith);
    if (signal) stopHearing = onceAborted(signal, onAbort);
    if (signal?.aborted) onAbort();
  });
}
