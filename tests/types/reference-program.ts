// A program written for the packages of @nymproject, with everything they export. It is compiled
// against them and, by tsconfig.alias.json, against ours under their names; the codemod's test
// rewrites it, and the test of the migration guide runs its parts.
import { mixDNS } from '@nymproject/mix-dns';
import { createMixFetch, mixFetch } from '@nymproject/mix-fetch';
import {
  disconnectMixTunnel,
  EventKinds,
  getMixTunnel,
  getTunnelState,
  proxy,
  setupMixTunnel,
  type FailureReason,
  type LoadedEvent,
  type SetupMixTunnelOpts,
  type TunnelState,
} from '@nymproject/mix-tunnel';
import { MixWebSocket, type MixWebSocketReadyState } from '@nymproject/mix-websocket';

export function optionsFor(exit: string | undefined): SetupMixTunnelOpts {
  return {
    preferredIpr: exit,
    clientId: undefined,
    storagePassphrase: undefined,
    forceTls: true,
    openReplySurbs: 10,
    maxRedirects: 5,
    debug: false,
  };
}

export function told(state: TunnelState): string {
  if (state.state !== 'failed') return state.state;
  const reason: FailureReason = state.reason;
  return reason.kind === 'task_exited' ? `${reason.kind} ${reason.task}` : reason.kind;
}

export function isLoaded(event: LoadedEvent): boolean {
  return event.kind === EventKinds.Loaded && event.args.loaded;
}

export async function fetchText(url: string): Promise<string> {
  const response: Response = await mixFetch(url, {
    method: 'POST',
    headers: new Headers({ Accept: 'text/plain' }),
    body: new URLSearchParams({ a: '1' }),
  });
  return response.text();
}

export async function everything(host: string): Promise<string[]> {
  await setupMixTunnel(optionsFor(undefined));
  const address: string = await mixDNS(host);
  const text = await fetchText(`https://${host}/echo`);
  const socket = new MixWebSocket(`wss://${host}/echo`, ['chat']);
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.addEventListener('close', (event) => resolve(event as CloseEvent));
  });
  const answer = new Promise<string>((resolve) => {
    socket.addEventListener('message', (event) => resolve(String((event as MessageEvent).data)));
  });
  await socket.opened();
  const state: MixWebSocketReadyState = socket.readyState;
  await socket.send('hello');
  await socket.send(new Uint8Array([1]));
  const said = await answer;
  await socket.close(1000, 'done');
  const { code } = await closed;
  const handle = await getMixTunnel();
  const events: string[] = [];
  const id = await handle.mixWebSocket(
    `wss://${host}/echo`,
    undefined,
    proxy((_id, type) => void events.push(type)),
  );
  await handle.wsSend(id, 'again');
  await handle.wsClose(id, 1000, '');
  const raw = await handle.mixFetch(`https://${host}/`, {});
  const tunnel = told(await getTunnelState());
  await disconnectMixTunnel();
  return [address, text, String(state), said, String(code), String(raw.status), tunnel];
}

export const another: () => Promise<typeof mixFetch> = () => createMixFetch(optionsFor(undefined));
