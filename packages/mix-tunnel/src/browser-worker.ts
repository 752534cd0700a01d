// Starting the dedicated worker in a browser, from inlined or separate files.
import type { WasmSource } from '../../../worker/src/protocol.ts';
import type { WorkerParts } from './worker-link.ts';

const LOAD_TIMEOUT_MS = 30_000;

/** Compiles while it downloads; falls back where the server's media type forbids that. */
export async function compileFrom(url: string | URL): Promise<WasmSource> {
  const response = await fetch(url, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`${String(url)} answers ${response.status}`);
  const streaming = response.headers.get('content-type')?.startsWith('application/wasm') === true;
  return streaming ? WebAssembly.compileStreaming(response) : response.arrayBuffer();
}

/**
 * Starts a worker from the first of `scripts` that the page is allowed to run: a Content-Security-
 * Policy may refuse `blob:` or a folder. Rejects with one sentence that names every refusal.
 */
export async function browserWorker(
  scripts: readonly (string | URL)[],
  wasm: Promise<WasmSource>,
): Promise<WorkerParts> {
  wasm.catch(() => undefined); // awaited below, unless no worker starts
  const refusals: string[] = [];
  for (const script of scripts) {
    try {
      return await startFrom(script, wasm);
    } catch (cause) {
      if (!(cause instanceof ScriptRefused)) throw cause;
      refusals.push(`${String(script).replace(/^blob:.*/, 'blob:')} (${cause.message})`);
    }
  }
  throw new Error(
    `${refusals.join(', ')}; allow blob: in worker-src of the page's policy, or set workerUrl`,
  );
}

/** This script does not run here; another one may. */
class ScriptRefused extends Error {}

/**
 * The script is a classic one, which every platform runs: module workers are younger than what
 * else is needed here. Resolves after the worker's first message.
 */
async function startFrom(script: string | URL, wasm: Promise<WasmSource>): Promise<WorkerParts> {
  const worker = newWorker(script);
  const crashListeners = new Set<(what: string) => void>();
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = (why: string): void => reject(new ScriptRefused(why));
      const timer = setTimeout(() => refuse('no sign of life'), LOAD_TIMEOUT_MS);
      worker.onerror = (event): void => {
        // A refused script has no message; neither has one of another origin that throws.
        const what = event.message || 'the script did not load';
        clearTimeout(timer);
        refuse(what);
        for (const listener of crashListeners) listener(what);
      };
      worker.onmessage = (event: MessageEvent<{ kind?: unknown }>): void => {
        clearTimeout(timer);
        worker.onmessage = null;
        if (event.data.kind === 'Loaded') resolve();
        else refuse('unexpected first message');
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

function newWorker(script: string | URL): Worker {
  try {
    return new Worker(script, { name: 'mixweb' });
  } catch (cause) {
    // Some engines tell of a refusal at once.
    throw new ScriptRefused(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
