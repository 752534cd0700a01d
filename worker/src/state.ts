// The public state of the tunnel, made from the engine's news. spec: api part 1 §1, part 2 §2
import type { StateNews } from './protocol.ts';

export type TaskName = 'bridge' | 'reactor';
/** Why a tunnel failed; `message` is a sentence for people. */
export type FailureReason = { message?: string } & (
  | { kind: 'task_exited'; task: TaskName }
  | { kind: 'task_panicked' }
  | { kind: 'gateway_lost' }
  | { kind: 'exit_lost' }
  | { kind: 'setup'; code: string }
);
export interface TunnelConnecting {
  state: 'connecting';
}
export interface TunnelReady {
  state: 'ready';
}
export interface TunnelShuttingDown {
  state: 'shutting_down';
}
export interface TunnelShutdown {
  state: 'shutdown';
}
export interface TunnelFailed {
  state: 'failed';
  reason: FailureReason;
}
export type TunnelState =
  TunnelConnecting | TunnelReady | TunnelShuttingDown | TunnelShutdown | TunnelFailed;

/** Folds news into the state. `wasReady` tells a failed set-up from a lost tunnel. */
export function tunnelState(news: StateNews, wasReady: boolean): TunnelState {
  if (news.state !== 'failed') return { state: news.state };
  const message = news.error?.message ?? 'tunnel error: unknown failure';
  if (news.error?.code === 'WORKER_CRASHED') {
    return { state: 'failed', reason: { kind: 'task_panicked', message } };
  }
  if (!wasReady) {
    const code = news.error?.code ?? 'SETUP_FAILED';
    return { state: 'failed', reason: { kind: 'setup', code, message } };
  }
  // By code, not by class: an exit that does not answer in time is a matter of time-outs.
  const kind = /^(EXIT|NO_EXIT)/.test(news.error?.code ?? '') ? 'exit_lost' : 'gateway_lost';
  return { state: 'failed', reason: { kind, message } };
}
