// The page's one tunnel as React sees it: a store outside of React that components subscribe to.
import { onTunnelState } from '@mixweb/mix-tunnel';
import { useSyncExternalStore } from 'react';

let current = { state: 'disconnected' };
// Listeners hear in the order in which they came: this one before any component.
onTunnelState((event) => {
  current = event;
});

/** The tunnel's last event: `{ state, step?, error? }`. */
export const useTunnel = () => useSyncExternalStore(onTunnelState, () => current);
