// Servers that libraries over WebSocket talk to: GraphQL subscriptions, Socket.IO, and an Ethereum
// node's JSON-RPC. Each on a loopback port of the system's choice.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

import { useServer } from 'graphql-ws/use/ws';
import { Server as SocketIoServer } from 'socket.io';
import { WebSocketServer } from 'ws';

// As graphql-ws gets it from Node: a bundler might give another copy.
const { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString } = createRequire(
  import.meta.url,
)('graphql');

export const HEAD = 0x10d4f;

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: { hello: { type: GraphQLString, resolve: () => 'world' } },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      count: {
        type: GraphQLInt,
        args: { to: { type: GraphQLInt } },
        async *subscribe(_source, { to }) {
          for (let count = 1; count <= to; count++) yield { count };
        },
      },
    },
  }),
});

async function startGraphql() {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, path: '/graphql' });
  const handler = useServer({ schema }, sockets);
  const port = await listening(http);
  return {
    port,
    async stop() {
      await handler.dispose();
      http.close();
    },
  };
}

async function startSocketIo() {
  const http = createServer();
  const io = new SocketIoServer(http);
  io.on('connection', (socket) => {
    socket.on('sum', (a, b, answer) => answer(a + b));
    socket.on('bytes', (bytes) => socket.emit('bytes', Buffer.from(bytes).reverse()));
  });
  const port = await listening(http);
  return { port, stop: () => io.close() };
}

/** What a node says to calls; a block's hash is its number. */
const hash = (number) => `0x${number.toString(16).padStart(64, '0')}`;
const block = (number) => ({
  number: `0x${number.toString(16)}`,
  hash: hash(number),
  parentHash: hash(number - 1),
  nonce: '0x0000000000000000',
  sha3Uncles: hash(1),
  logsBloom: `0x${'0'.repeat(512)}`,
  transactionsRoot: hash(2),
  stateRoot: hash(3),
  receiptsRoot: hash(4),
  miner: `0x${'1'.repeat(40)}`,
  difficulty: '0x0',
  totalDifficulty: '0x0',
  extraData: '0x',
  size: '0x220',
  gasLimit: '0x1c9c380',
  gasUsed: '0x0',
  timestamp: '0x665a0000',
  baseFeePerGas: '0x7',
  transactions: [],
  uncles: [],
});

async function startEthereum() {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket) => {
    const calls = {
      eth_chainId: () => '0x1',
      net_version: () => '1',
      eth_blockNumber: () => `0x${HEAD.toString(16)}`,
      eth_getBalance: () => '0xde0b6b3a7640000',
      eth_getBlockByNumber: ([number]) => block(number === 'latest' ? HEAD : Number(number)),
      eth_subscribe: () => {
        // After the answer, which names the subscription.
        setImmediate(() => {
          for (const number of [HEAD + 1, HEAD + 2]) {
            const params = { subscription: '0xcafe', result: block(number) };
            socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params }));
          }
        });
        return '0xcafe';
      },
      eth_unsubscribe: () => true,
    };
    const answer = ({ id, method, params }) => {
      const result = calls[method]?.(params);
      const error = { code: -32601, message: `the method ${method} does not exist` };
      return { jsonrpc: '2.0', id, ...(result === undefined ? { error } : { result }) };
    };
    socket.on('message', (data) => {
      const request = JSON.parse(String(data));
      socket.send(JSON.stringify(Array.isArray(request) ? request.map(answer) : answer(request)));
    });
  });
  const port = await listening(http);
  return {
    port,
    stop() {
      for (const client of sockets.clients) client.terminate();
      http.close();
    },
  };
}

export async function startServices() {
  const services = {
    'graphql.example': await startGraphql(),
    'chat.example': await startSocketIo(),
    'node.example': await startEthereum(),
  };
  return {
    /** For startInternet. */
    hosts: Object.entries(services).map(([name, { port }], i) => ({
      names: [name],
      address: `198.60.22.${40 + i}`,
      ports: { 80: port },
    })),
    async stop() {
      for (const service of Object.values(services)) await service.stop();
    },
  };
}
