// A tunnel from set-up to end, in one go: for tests of where pages live rather than of protocols.
import type { TestPage } from '@mixweb/testing/browsers';
import type { SetupMixTunnelOpts } from '@mixweb/mix-tunnel';

import type { MixGlobal } from './mix-global.ts';

declare const mix: MixGlobal;

export interface Flow {
  origin: string;
  bytes: number;
  warnings: string[];
}
/** Code and sentence of the error that ended it. */
export interface FlowFailure {
  code: string;
  message: string;
}

/** Self-contained, so that it can also be written into a document. */
export async function mainFlow(options: SetupMixTunnelOpts): Promise<Flow | FlowFailure> {
  const warnings: string[] = [];
  const warned = (event: Event): void => {
    warnings.push((event as CustomEvent<{ error: { code: string } }>).detail.error.code);
  };
  mix.tunnelEvents.addEventListener('warning', warned);
  try {
    await mix.setupMixTunnel(options);
    const response = await mix.mixFetch('https://origin.example/page-1024.html');
    const bytes = (await response.arrayBuffer()).byteLength;
    return { origin: globalThis.origin, bytes, warnings };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  } finally {
    await mix.disconnectMixTunnel();
    mix.tunnelEvents.removeEventListener('warning', warned);
  }
}

export const runMainFlow = (
  page: TestPage,
  options: SetupMixTunnelOpts,
): Promise<Flow | FlowFailure> => page.evaluate(mainFlow, options);
