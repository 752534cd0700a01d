// What every entry exports beside its bound functions.
export { proxy } from 'comlink';

export { MixError } from './mix-error.ts';
export type { MixErrorCode, MixErrorDetail } from './generated/error-codes.ts';
export { FetchSettings } from './fetch-settings.ts';
export type {
  CookieJar,
  CookieStore,
  FetchErrors,
  FetchSetupOpts,
  ToughCookieJar,
} from './fetch-settings.ts';
export type { MixMessage, MixReplyOptions, MixSendOptions } from './messages.ts';
export type {
  ChannelCommand,
  ChannelNews,
  ChannelRequest,
  DnsTransport,
  TlsChannelOptions,
} from '../../../worker/src/channels.ts';
export type { WsEventCallback, WsEventType } from '../../../worker/src/reference-sockets.ts';
export type {
  Channel,
  FetchChannel,
  SetupMixTunnelOpts,
  Tunnel,
  TunnelInfo,
  TunnelStateEvent,
  TunnelWarning,
} from './tunnel.ts';
export type {
  FailurePhase,
  FetchControl,
  FetchMessage,
  FetchRequest,
  FetchTiming,
  MixFetchResponseInit,
  StreamedBody,
  TunnelStateName,
  TunnelStats,
  TunnelStep,
} from '../../../worker/src/protocol.ts';
export type {
  FailureReason,
  TaskName,
  TunnelConnecting,
  TunnelFailed,
  TunnelReady,
  TunnelShutdown,
  TunnelShuttingDown,
  TunnelState,
} from '../../../worker/src/state.ts';
export type { IMixTunnelWorker } from '../../../worker/src/service.ts';

/** First message of the worker. */
export const EventKinds = { Loaded: 'Loaded' } as const;
export type EventKinds = (typeof EventKinds)[keyof typeof EventKinds];
export interface LoadedEvent {
  kind: typeof EventKinds.Loaded;
  args: { loaded: true };
}
