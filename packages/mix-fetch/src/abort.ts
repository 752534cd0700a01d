// How fetches hear of an abort, and what it does to a response that is already there.

interface Watch {
  listeners: Set<() => void>;
  hear: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

function watch(signal: AbortSignal): Watch {
  const listeners = new Set<() => void>();
  const hear = (): void => {
    watches.delete(signal);
    for (const listener of [...listeners]) listener();
  };
  const made = { listeners, hear };
  signal.addEventListener('abort', hear, { once: true });
  watches.set(signal, made);
  return made;
}

/**
 * Calls `listener` when `signal` aborts; returns what forgets it. A signal has one listener of ours
 * however many fetches share it, since Node takes many for a leak and warns.
 */
export function onceAborted(signal: AbortSignal, listener: () => void): () => void {
  const { listeners, hear } = watches.get(signal) ?? watch(signal);
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    watches.delete(signal);
    signal.removeEventListener('abort', hear);
  };
}

/** Forgets listeners of bodies that nobody holds any more. */
const forgotten = new FinalizationRegistry<() => void>((forget) => forget());

/**
 * A body that has arrived but was not read to its end still fails when `signal` aborts (WHATWG Fetch,
 * "abort a fetch() call"). The signal, which may live long, keeps no body alive. Returns what forgets
 * it, for a body that was read.
 */
export function failUnread(
  body: TransformStreamDefaultController,
  signal: AbortSignal,
  reason: () => unknown,
): () => void {
  const held = new WeakRef(body);
  const forget = onceAborted(signal, () => held.deref()?.error(reason()));
  forgotten.register(body, forget);
  return forget;
}
