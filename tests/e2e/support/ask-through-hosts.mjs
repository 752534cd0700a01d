// The sixth host of tools/several-hosts.mjs: a server, and a client that asks it through the mixnet.
//   ask-through-hosts.mjs PORT PUBLIC_ADDRESS
// Prints as JSON what the client got and whom the server saw.
import { once } from 'node:events';
import { createServer } from 'node:http';

import { mixFetch } from '@mixweb/mix-fetch';
import { disconnectMixTunnel, getTunnelInfo, setupMixTunnel } from '@mixweb/mix-tunnel';

const [port, address] = process.argv.slice(2);
const server = createServer((request, response) => {
  response.end(JSON.stringify({ path: request.url, saw: request.socket.remoteAddress }));
});
server.listen(Number(port), process.env.MIX_CLIENT_ADDRESS);
await once(server, 'listening');

await setupMixTunnel({
  nymApiUrl: process.env.MIX_DIRECTORY,
  forceTls: false,
  disablePoissonTraffic: true,
  disableCoverTraffic: true,
});
const response = await mixFetch(`http://${address}/several`);
const { path, saw } = await response.json();
const { gateway, exit } = await getTunnelInfo();
console.log(JSON.stringify({ path, saw, wanted: process.env.MIX_EXIT_ADDRESS, gateway, exit }));
await disconnectMixTunnel();
server.close();
server.closeAllConnections();
