// Drop-in proof, by the compiler alone: the published types of these packages against those of
// the packages they replace. `npm run lint` compiles it against dist/ (tests/types/tsconfig.json),
// without skipLibCheck, so that a declaration which leans on anything unpublished fails, too.
// spec: api part 1, part 2 §10.1
import type * as OurDns from '@mixweb/mix-dns';
import type * as OurFetch from '@mixweb/mix-fetch';
import type * as OurTunnel from '@mixweb/mix-tunnel';
import type * as OurWebSocket from '@mixweb/mix-websocket';
import type * as TheirDns from '@nymproject/mix-dns';
import type * as TheirFetch from '@nymproject/mix-fetch';
import type * as TheirTunnel from '@nymproject/mix-tunnel';
import type * as TheirWebSocket from '@nymproject/mix-websocket';

/** Whether a value of the second type serves as the first. */
type Takes<Wanted, Given> = [Given] extends [Wanted] ? true : false;
/** Both ways. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Both<A extends boolean, B extends boolean> = [A, B] extends [true, true] ? true : false;
/** Compiles only when all of it is true. */
type Proof<T extends true[]> = T;
/** What a class or object shows; private members make a class differ from any other. */
type Shown<T> = Pick<T, keyof T>;

// The assertions themselves can fail.
// @ts-expect-error -- a number is no string
export type Control1 = Proof<[Same<string, number>]>;
// @ts-expect-error -- narrower one way
export type Control2 = Proof<[Same<string, 'a'>]>;
// @ts-expect-error -- a callback that wants more than it is given
export type Control3 = Proof<[Takes<(a: string) => void, (a: 'b') => void>]>;

// Data: both ways.
export type Data = Proof<
  [
    Same<TheirTunnel.TunnelStateName, OurTunnel.TunnelStateName>,
    Same<TheirTunnel.TaskName, OurTunnel.TaskName>,
    Same<TheirTunnel.TunnelConnecting, OurTunnel.TunnelConnecting>,
    Same<TheirTunnel.TunnelReady, OurTunnel.TunnelReady>,
    Same<TheirTunnel.TunnelShuttingDown, OurTunnel.TunnelShuttingDown>,
    Same<TheirTunnel.TunnelShutdown, OurTunnel.TunnelShutdown>,
    Same<TheirTunnel.MixFetchResponseInit, OurTunnel.MixFetchResponseInit>,
    Same<TheirTunnel.WsEventType, OurTunnel.WsEventType>,
    Same<TheirTunnel.WsEventCallback, OurTunnel.WsEventCallback>,
    Same<TheirWebSocket.MixWebSocketReadyState, OurWebSocket.MixWebSocketReadyState>,
  ]
>;

// Options: theirs serve as ours whole, ours as theirs.
export type Options = Proof<
  [
    Takes<OurTunnel.SetupMixTunnelOpts, TheirTunnel.SetupMixTunnelOpts>,
    Takes<TheirTunnel.SetupMixTunnelOpts, OurTunnel.SetupMixTunnelOpts>,
    Same<
      TheirTunnel.SetupMixTunnelOpts,
      Pick<OurTunnel.SetupMixTunnelOpts, keyof TheirTunnel.SetupMixTunnelOpts>
    >,
    Same<OurTunnel.SetupMixTunnelOpts, OurFetch.SetupMixTunnelOpts>,
    Same<OurTunnel.SetupMixTunnelOpts, OurDns.SetupMixTunnelOpts>,
    Same<OurTunnel.SetupMixTunnelOpts, OurWebSocket.SetupMixTunnelOpts>,
  ]
>;

// Differs: a tunnel here tells more reasons for its end (spec: api part 2 §2), just these. What
// theirs can say, ours can, and ours without the additions is theirs.
type OurKinds = OurTunnel.FailureReason['kind'];
type TheirKinds = TheirTunnel.FailureReason['kind'];
type Common = Extract<OurTunnel.FailureReason, { kind: TheirKinds }>;
export type Failures = Proof<
  [
    Takes<OurTunnel.FailureReason, TheirTunnel.FailureReason>,
    Takes<OurTunnel.TunnelFailed, TheirTunnel.TunnelFailed>,
    Takes<OurTunnel.TunnelState, TheirTunnel.TunnelState>,
    Takes<TheirTunnel.FailureReason, Common>,
    Takes<
      TheirTunnel.TunnelState,
      Exclude<OurTunnel.TunnelState, { state: 'failed' }> | { state: 'failed'; reason: Common }
    >,
    Same<Exclude<OurKinds, TheirKinds>, 'gateway_lost' | 'exit_lost' | 'setup'>,
  ]
>;

// Differs: their EventKinds is a TypeScript enum, which nothing else can be; its values are these.
export type Kinds = Proof<
  [
    Same<`${TheirTunnel.EventKinds}`, OurTunnel.EventKinds>,
    Same<`${TheirTunnel.LoadedEvent['kind']}`, OurTunnel.LoadedEvent['kind']>,
    Same<TheirTunnel.LoadedEvent['args'], OurTunnel.LoadedEvent['args']>,
    Same<keyof TheirTunnel.LoadedEvent, keyof OurTunnel.LoadedEvent>,
  ]
>;

// Functions: ours stand where theirs are expected. They take more, so not the other way round;
// called as theirs are called, they are the same.
type Any = (...args: never[]) => unknown;
type CalledAs<Ours extends Any, Theirs extends Any> =
  Parameters<Theirs> extends Parameters<Ours>
    ? (...args: Parameters<Theirs>) => ReturnType<Ours>
    : never;
type Stands<Theirs extends Any, Ours extends Any> = Both<
  Takes<Theirs, Ours>,
  Same<Theirs, CalledAs<Ours, Theirs>>
>;
export type Functions = Proof<
  [
    Stands<typeof TheirTunnel.setupMixTunnel, typeof OurTunnel.setupMixTunnel>,
    Stands<typeof TheirTunnel.disconnectMixTunnel, typeof OurTunnel.disconnectMixTunnel>,
    Takes<typeof OurTunnel.getTunnelState, typeof TheirTunnel.getTunnelState>,
    Stands<typeof TheirFetch.mixFetch, typeof OurFetch.mixFetch>,
    Takes<typeof TheirFetch.createMixFetch, typeof OurFetch.createMixFetch>,
    Stands<typeof TheirDns.mixDNS, typeof OurDns.mixDNS>,
  ]
>;

// Comlink marks proxies by a symbol of each copy; ours is part of the package, theirs another.
type Proxied<T> = Omit<T, symbol>;
type Callback = TheirTunnel.WsEventCallback;
type TheirProxy = ReturnType<typeof TheirTunnel.proxy<Callback>>;
type OurProxy = ReturnType<typeof OurTunnel.proxy<Callback>>;
export type Proxies = Proof<
  [Same<Proxied<TheirProxy>, Proxied<OurProxy>>, Takes<Callback, OurProxy>]
>;

// The other packages give on mix-tunnel's own functions.
export type GivenOn = Proof<
  [
    Same<typeof OurTunnel.setupMixTunnel, typeof OurFetch.setupMixTunnel>,
    Same<typeof OurTunnel.setupMixTunnel, typeof OurDns.setupMixTunnel>,
    Same<typeof OurTunnel.setupMixTunnel, typeof OurWebSocket.setupMixTunnel>,
    Same<typeof OurTunnel.getTunnelState, typeof OurFetch.getTunnelState>,
    Same<typeof OurTunnel.getTunnelState, typeof OurDns.getTunnelState>,
    Same<typeof OurTunnel.disconnectMixTunnel, typeof OurWebSocket.disconnectMixTunnel>,
  ]
>;

// The worker handle: all calls; its state tells more reasons, as above.
type WithoutState<T> = Omit<T, 'getTunnelState'>;
/** Its calls without Comlink's marks on each. */
type Calls<T> = {
  [K in keyof TheirTunnel.IMixTunnelWorker & keyof T]: T[K] extends (...args: infer A) => infer R
    ? (...args: A) => R
    : never;
};
type TheirHandle = Awaited<ReturnType<typeof TheirTunnel.getMixTunnel>>;
type OurHandle = Awaited<ReturnType<typeof OurTunnel.getMixTunnel>>;
export type Worker = Proof<
  [
    Same<keyof TheirTunnel.IMixTunnelWorker, keyof OurTunnel.IMixTunnelWorker>,
    Same<WithoutState<TheirTunnel.IMixTunnelWorker>, WithoutState<OurTunnel.IMixTunnelWorker>>,
    Takes<OurTunnel.IMixTunnelWorker, TheirTunnel.IMixTunnelWorker>,
    Takes<WithoutState<Calls<TheirHandle>>, WithoutState<Calls<OurHandle>>>,
  ]
>;

// The class: what theirs shows, ours shows; theirs has private members.
export type Sockets = Proof<
  [
    Takes<Shown<TheirWebSocket.MixWebSocket>, OurWebSocket.MixWebSocket>,
    Takes<
      ConstructorParameters<typeof OurWebSocket.MixWebSocket>,
      ConstructorParameters<typeof TheirWebSocket.MixWebSocket>
    >,
  ]
>;

// Every name that they export, ours export, as value or type.
export type Names = Proof<
  [
    Takes<keyof typeof OurTunnel, keyof typeof TheirTunnel>,
    Takes<keyof typeof OurFetch, keyof typeof TheirFetch>,
    Takes<keyof typeof OurDns, keyof typeof TheirDns>,
    Takes<keyof typeof OurWebSocket, keyof typeof TheirWebSocket>,
  ]
>;
