// Networks that misbehave at set-up: each ends in a MixError of its own, in state failed with the
// reason, and in a tunnel that can be set up anew.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  disconnectMixTunnel,
  getTunnelState,
  setupMixTunnel,
  type SetupMixTunnelOpts,
} from '@mixweb/mix-tunnel';
import { freePort, startInternet } from '@mixweb/testing';
import { WebSocketServer, type WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

let internet: Awaited<ReturnType<typeof startInternet>>;
const cleanUps: (() => void)[] = [];

beforeAll(async () => {
  internet = await startInternet();
});
afterAll(async () => {
  await internet.stop();
});
afterEach(async () => {
  await disconnectMixTunnel();
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A directory of our own making; returns its base URL. */
async function directory(
  answer: (path: string, response: ServerResponse) => void,
): Promise<string> {
  const server: Server = createServer((request, response) => answer(request.url ?? '', response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
}

/** The local network's own directory with its answers changed on the way. */
function proxied(change: (path: string, body: string) => string): Promise<string> {
  return directory((path, response) => {
    const base = internet.directory.replace(/\/api\/?$/, '');
    void fetch(base + path).then(async (answer) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(change(path, await answer.text()));
    });
  });
}

/** A gateway of our own making, announced in place of the real ones. */
async function gateway(behave: (socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', behave);
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return proxied((_, body) => body.replace(/"ws_port":\s*\d+/g, `"ws_port":${port}`));
}

async function failure(nymApiUrl: string, extra: SetupMixTunnelOpts = {}): Promise<unknown> {
  return setupMixTunnel({ nymApiUrl, forceTls: false, ...extra }).catch((error: unknown) => error);
}

async function expectFailure(error: unknown, code: string, text: RegExp): Promise<void> {
  expect(error).toMatchObject({ name: 'MixError', code, phase: 'setup' });
  expect((error as Error).message).toMatch(text);
  const state = await getTunnelState();
  expect(state).toMatchObject({ state: 'failed', reason: { kind: 'setup', code } });
  await setupMixTunnel({ nymApiUrl: internet.directory, forceTls: false });
  expect(await getTunnelState()).toEqual({ state: 'ready' });
}

describe('a directory that', () => {
  it('is not there', async () => {
    const error = await failure(`http://127.0.0.1:${await freePort()}/api/`);
    await expectFailure(error, 'SETUP_FAILED', /topology unavailable: .*cannot be reached/);
  });

  it.each([404, 500])('answers %i', async (status) => {
    const url = await directory((_, response) => response.writeHead(status).end('no'));
    await expectFailure(await failure(url), 'SETUP_FAILED', /topology unavailable: .*refused/);
  });

  it('answers HTML', async () => {
    const url = await directory((_, response) => response.end('<html>parked</html>'));
    await expectFailure(await failure(url), 'SETUP_FAILED', /topology unavailable: .*malformed/);
  });

  it('never answers', async () => {
    const url = await directory(() => undefined);
    await expectFailure(await failure(url), 'SETUP_FAILED', /topology unavailable: .*in time/);
  });

  it('lists no nodes', async () => {
    const url = await proxied((path, body) =>
      path.includes('rewarded-set')
        ? body.replace(/"layer(\d)":\s*\[[^\]]*\]/g, '"layer$1":[]')
        : body,
    );
    await expectFailure(await failure(url), 'SETUP_FAILED', /layer/);
  });

  it('knows no exit', async () => {
    const url = await proxied((_, body) => body.replace(/"exit_ipr":\s*true/g, '"exit_ipr":false'));
    await expectFailure(await failure(url), 'NO_EXIT', /no v9-capable IPRs available/);
  });

  it('is the first of two and dead', async () => {
    const dead = `http://127.0.0.1:${await freePort()}/api/`;
    await setupMixTunnel({ nymApiUrl: [dead, internet.directory], forceTls: false });
    expect(await getTunnelState()).toEqual({ state: 'ready' });
  });
});

describe('an entry gateway that', () => {
  it('has no wss when TLS is forced', async () => {
    const error = await failure(internet.directory, { forceTls: true });
    await expectFailure(error, 'GATEWAY_UNREACHABLE', /entry gateway/);
  });

  it('is not there', async () => {
    const port = await freePort();
    const url = await proxied((_, body) => body.replace(/"ws_port":\s*\d+/g, `"ws_port":${port}`));
    await expectFailure(await failure(url), 'GATEWAY_UNREACHABLE', /cannot be reached/);
  });

  it('closes at once', async () => {
    const url = await gateway((socket) => socket.terminate());
    await expectFailure(await failure(url), 'GATEWAY_LOST', /closed/);
  });

  it('sends garbage', async () => {
    const url = await gateway((socket) => socket.send('{"type":]'));
    await expectFailure(await failure(url), 'GATEWAY_AUTH', /gateway/);
  });

  it('speaks an old protocol', async () => {
    const url = await gateway((socket) =>
      socket.on('message', () => socket.send('{"type":"supportedProtocol","version":3}')),
    );
    await expectFailure(await failure(url), 'GATEWAY_AUTH', /protocol version/);
  });

  it('refuses the client', async () => {
    const url = await gateway((socket) =>
      socket.on('message', (data) => {
        const first = String(data).includes('supportedProtocol');
        socket.send(
          first ? '{"type":"supportedProtocol","version":6}' : '{"type":"error","message":"full"}',
        );
      }),
    );
    await expectFailure(await failure(url), 'GATEWAY_AUTH', /full/);
  });

  it('never answers', async () => {
    const url = await gateway(() => undefined);
    await expectFailure(await failure(url), 'GATEWAY_UNREACHABLE', /in time/);
  });
});

describe('an exit that', () => {
  it('is silent', async () => {
    // A well-formed address at a real exit gateway, where nobody listens.
    const [exit] = internet.localnet.exits as { ipr: string }[];
    const address = exit?.ipr ?? '';
    const gatewayPart = address.split('@')[1] ?? '';
    const encryption = address.split('.')[1]?.split('@')[0] ?? '';
    const error = await failure(internet.directory, {
      preferredIpr: `${gatewayPart}.${encryption}@${gatewayPart}`,
      connectTimeoutMs: 2_000,
    });
    await expectFailure(error, 'EXIT_TIMEOUT', /IPR connect timed out/);
  });
});
