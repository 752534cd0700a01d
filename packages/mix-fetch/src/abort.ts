// What an abort does to a response that is already there.

/** Forgets listeners of bodies that nobody holds any more. */
const forgotten = new FinalizationRegistry<() => void>((forget) => forget());

/**
 * A body that has arrived but was not read to its end still fails when `signal` aborts (WHATWG Fetch,
 * "abort a fetch() call"). The signal, which may live long, keeps no body alive.
 */
export function failUnread(
  body: TransformStreamDefaultController,
  signal: AbortSignal,
  reason: () => unknown,
): void {
  const held = new WeakRef(body);
  const listener = (): void => held.deref()?.error(reason());
  signal.addEventListener('abort', listener, { once: true });
  forgotten.register(body, () => signal.removeEventListener('abort', listener));
}
