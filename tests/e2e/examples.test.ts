// The example pages as their users see them, and the chat of the Capacitor app with a real server,
// on a phone-sized page: in Chromium's mobile emulation and in WebKitGTK's WebView.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ADDRESSES, startInternet, temporaryFolder } from '@mixweb/testing';
import { launchPhone, type TestPage } from '@mixweb/testing/browsers';
import { serveFiles } from '@mixweb/testing/serve-files';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';

import { startChatServer, type ChatServer } from './support/chat-server.ts';
import { fill, untilText } from './support/drive.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const chatFolder = join(root, 'examples/capacitor-chat');

// For machines that are busy with other tests.
vi.setConfig({ testTimeout: 240_000 });

let internet: Awaited<ReturnType<typeof startInternet>>;
let site: Awaited<ReturnType<typeof serveFiles>>;
let app: Awaited<ReturnType<typeof serveFiles>>;
let chat: ChatServer;
const www = temporaryFolder('chat');

beforeAll(async () => {
  internet = await startInternet({
    hosts: async (authority) => {
      chat = await startChatServer(authority);
      return [chat.host];
    },
  });
  const { tunnel } = internet;
  site = await serveFiles({
    folders: { '/packages/': join(root, 'packages'), '/examples/': join(root, 'examples') },
    texts: {
      '/config.json': JSON.stringify({
        options: tunnel,
        url: 'https://origin.example/page-1024.html',
        direct: `http://127.0.0.1:${internet.origin.httpPort}/page-1024.html`,
        socket: 'wss://sockets.example/echo',
      }),
    },
  });
  await run('node', ['build.mjs', www.path], { cwd: chatFolder });
  app = await serveFiles({
    folders: { '/': www.path },
    texts: { '/config.json': JSON.stringify({ server: 'wss://chat.example/', tunnel }) },
  });
});
afterAll(async () => {
  await app.stop();
  await site.stop();
  await internet.stop();
  chat.stop();
  www.dispose();
});

/** Another person in the chat, who does not care about privacy: joins over the clear network. */
async function joinDirectly(name: string): Promise<{
  heard(wanted: string): Promise<void>;
  say(text: string): void;
  leave(): void;
}> {
  const port = chat.host.ports[443] ?? 0;
  const options = { ca: internet.authority.pem, servername: 'chat.example' } as ClientOptions;
  const socket = new WebSocket(`wss://127.0.0.1:${port}/`, 'chat.mixweb.1', options);
  const texts: string[] = [];
  let look = (): void => undefined;
  socket.on('message', (data: Buffer) => {
    texts.push(data.toString());
    look();
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send(JSON.stringify({ kind: 'join', name }));
  return {
    heard: (wanted) =>
      new Promise((resolve) => {
        look = (): void => {
          if (texts.some((text) => text.includes(wanted))) resolve();
        };
        look();
      }),
    say: (text) => socket.send(JSON.stringify({ kind: 'say', text })),
    leave: () => socket.close(),
  };
}

describe.each(['chromium', 'webkit'] as const)('on a phone with %s', (name) => {
  let phone: Awaited<ReturnType<typeof launchPhone>>;
  let page: TestPage;

  beforeAll(async () => {
    phone = await launchPhone(name);
    ({ page } = phone);
  });
  afterAll(() => phone.close());

  it('the playground fetches', async () => {
    await page.goto(`${site.origin}/examples/playground/`);
    await untilText(page, '#url', /^https:/); // its script has run
    await page.click('#connect');
    await untilText(page, '#state', /^connected$/);
    await page.click('#fetch');
    expect(await untilText(page, '#mix-facts', /server saw/)).toMatch(/200 OK[^]*1,?024/);
  });

  it('the page for names answers', async () => {
    await page.goto(`${site.origin}/examples/dns-lookup/`);
    await untilText(page, '#state', /^connected$/);
    await page.click('#ask');
    expect(await untilText(page, '#state', /^answered in/)).toMatch(/ms$/);
    expect(await untilText(page, '#answer', /records/)).toContain(ADDRESSES.origin4);
    await fill(page, '#name', 'nowhere.example');
    await page.click('#ask');
    await untilText(page, '#state', /DNS_NOT_FOUND/);
  });

  it('the page for WebSockets converses', async () => {
    await page.goto(`${site.origin}/examples/web-socket/`);
    await untilText(page, '#state', /^connected$/);
    await page.click('#open');
    await untilText(page, '#state', /^open$/);
    await page.type('#text', 'hello');
    await page.click('#send');
    await untilText(page, '#log', /→ hello\n← hello/);
    await page.click('#close');
    await untilText(page, '#state', /^closed: 1000/);
  });

  it('two people chat, and the chat survives a restart of its server', async () => {
    await page.goto(`${app.origin}/`);
    await untilText(page, '#server', /^wss:/); // its script has run
    await page.type('#name', 'Ada');
    await page.click('#join button');
    await untilText(page, '#status', /^only you$/);
    const friend = await joinDirectly('Grace');
    await untilText(page, '#status', /^2 people$/);
    // The server remembers what was said when the last browser was here.
    friend.say(`is anybody there, ${name}?`);
    await untilText(page, '#log', new RegExp(`Grace\\s+is anybody there, ${name}\\?`));
    await page.type('#text', `I am, and nobody knows where <b>${name}</b> is`);
    await page.click('#send');
    await friend.heard(`nobody knows where <b>${name}</b> is`);
    await untilText(
      page,
      '#log',
      new RegExp(`you\\s+I am, and nobody knows where <b>${name}</b> is`),
    );

    chat.cut();
    await untilText(page, '#status', /^connection lost, trying again…$/);
    const again = await joinDirectly('Grace');
    again.say(`back so soon, ${name}`);
    // What was said before the page was back comes from the server's memory, and nothing twice.
    const log = await untilText(page, '#log', new RegExp(`back so soon, ${name}`));
    expect(log.match(new RegExp(`is anybody there, ${name}`, 'g'))).toHaveLength(1);
    await page.click('#leave');
    await untilText(page, '#status', /^not connected$/);
    again.leave();
  });
});

describe('the Capacitor project', () => {
  it('is one that the Capacitor CLI understands', async () => {
    const { stdout } = await run('npx', ['cap', 'config', '--json'], { cwd: chatFolder });
    const { app: read } = JSON.parse(stdout) as {
      app: { appId: string; appName: string; webDir: string };
    };
    expect(read).toMatchObject({
      appId: 'example.mixweb.chat',
      appName: 'mixweb chat',
      webDir: 'www',
    });
  });
});
