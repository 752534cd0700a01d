// A small internet on loopback: certificate authority, name server, HTTPS origin, local mixnet.
export { createAuthority } from './authority.mjs';
export { startLocalnet } from './localnet.mjs';
export { startNameServer } from './name-server.mjs';
export { startOrigin } from './origin.mjs';
export { adminOf } from './admin.mjs';
export { startInternet, ADDRESSES, UNSHAPED } from './internet.mjs';
export { freePort, runProcess, temporaryFolder } from './process.mjs';
