/**
 * WebSockets and raw sockets through the page's mixnet tunnel.
 *
 * @module @mixweb/mix-websocket
 */

export { disconnectMixTunnel, getTunnelState, MixError, setupMixTunnel } from '@mixweb/mix-tunnel';
export type { MixErrorCode, SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
export type { MixWebSocketInit } from './options.ts';
export { MixWebSocket, type MixWebSocketReadyState } from './web-socket.ts';
export { MixWebSocketStream, type MixWebSocketStreams } from './web-socket-stream.ts';
export { mixConnect, type MixSocket, type MixSocketOptions, type MixTlsOptions } from './tcp.ts';
export { mixUdp, type MixDatagram, type MixUdpSocket } from './udp.ts';
