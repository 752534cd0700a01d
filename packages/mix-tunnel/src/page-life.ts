// What a page tells of suspension and of its network. A worker hears none of it, and the engine's
// own clocks notice a sleep only when the next timer fires.

const DOCUMENT_EVENTS = ['visibilitychange', 'resume'] as const;
const WINDOW_EVENTS = ['pageshow', 'online'] as const;

/**
 * Calls `listener` when the page comes back from the background, from being frozen or from a
 * cache, and when the network does. Returns what ends that. Outside of pages nothing is heard but
 * 'online', where the platform has it.
 */
export function onWake(listener: () => void): () => void {
  const ends: (() => void)[] = [];
  const hear = (target: EventTarget, type: string): void => {
    const heard = (): void => {
      if (type === 'visibilitychange' && document.visibilityState !== 'visible') return;
      listener();
    };
    target.addEventListener(type, heard);
    ends.push(() => target.removeEventListener(type, heard));
  };
  if (typeof document !== 'undefined') for (const type of DOCUMENT_EVENTS) hear(document, type);
  const scope: unknown = globalThis;
  if (scope instanceof EventTarget) for (const type of WINDOW_EVENTS) hear(scope, type);
  return () => {
    for (const end of ends) end();
  };
}
