// Starting the dedicated worker in a browser, from inlined or separate files.
import type { WorkerParts } from './worker-link.ts';

const LOAD_TIMEOUT_MS = 30_000;

/** Undoes the build's gzip + base64. */
export async function unpack(base64Gzip: string): Promise<ArrayBuffer> {
  const packed = Uint8Array.from(atob(base64Gzip), (char) => char.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(unpacked).arrayBuffer();
}

/** Compiles while it downloads; falls back where the server's media type forbids that. */
export async function compileFrom(url: string | URL): Promise<ArrayBuffer | WebAssembly.Module> {
  const response = await fetch(url, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`${String(url)} answers ${response.status}`);
  const streaming = response.headers.get('content-type')?.startsWith('application/wasm') === true;
  return streaming ? WebAssembly.compileStreaming(response) : response.arrayBuffer();
}

/** Starts the worker and waits for its first message. */
export async function browserWorker(
  url: string | URL,
  wasm: Promise<ArrayBuffer | WebAssembly.Module>,
): Promise<WorkerParts> {
  const worker = new Worker(url, { type: 'module', name: 'mixweb' });
  const crashListeners = new Set<(what: string) => void>();
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no sign of life')), LOAD_TIMEOUT_MS);
      worker.onerror = (event): void => {
        const what = event.message || 'the script did not load';
        clearTimeout(timer);
        reject(new Error(what));
        for (const listener of crashListeners) listener(what);
      };
      worker.onmessage = (event: MessageEvent<{ kind?: unknown }>): void => {
        clearTimeout(timer);
        worker.onmessage = null;
        if (event.data.kind === 'Loaded') resolve();
        else reject(new Error('unexpected first message'));
      };
    });
    return {
      endpoint: worker,
      wasm: await wasm,
      onCrash: (listener) => void crashListeners.add(listener),
      terminate: () => worker.terminate(),
    };
  } catch (cause) {
    worker.terminate();
    throw cause;
  }
}
