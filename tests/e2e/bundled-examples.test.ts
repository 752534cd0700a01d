// The examples with a build step of their own, and the one with a service worker: built as their
// README says, and used in Chromium.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ADDRESSES, startInternet, temporaryFolder } from '@mixweb/testing';
import { RPC_HOSTS, startBehaviours } from '@mixweb/testing/behaviours';
import { launchBrowser, type TestPage } from '@mixweb/testing/browsers';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { fill } from './support/drive.ts';
import { buildExample, openExample, type ExamplePage } from './support/example-page.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ORIGIN = 'https://origin.example';
const DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>';
/** For machines that are busy with other tests; builds alone take seconds. */
const TIMEOUT_MS = 240_000;

let internet: Awaited<ReturnType<typeof startInternet>>;
let servers: Awaited<ReturnType<typeof startBehaviours>>;
let browser: Awaited<ReturnType<typeof launchBrowser>>;
const folder = temporaryFolder('bundled-examples');

beforeAll(async () => {
  internet = await startInternet({
    pages: { 'drawing.svg': DRAWING },
    hosts: async (authority) => {
      servers = await startBehaviours(authority);
      return servers.hosts;
    },
  });
  browser = await launchBrowser('chromium');
});
afterAll(async () => {
  const { names } = await browser.end();
  await servers.stop();
  await internet.stop();
  folder.dispose();
  // Over all examples: no destination's name was ever asked for by the browser itself.
  expect(names.filter((name) => name.includes('example'))).toEqual([]);
});

async function openBuilt(
  name: Parameters<typeof buildExample>[0],
  config: object,
): Promise<ExamplePage> {
  const site = { folders: { '/': `${await buildExample(name, folder.path)}/` }, path: '/' };
  const page = await browser.browser.newPage();
  return openExample(page, site, { tunnel: internet.tunnel, ...config });
}

it.each(['vite-react', 'webpack', 'nextjs'] as const)(
  '%s: the page fetches',
  async (name) => {
    const { page, until, close } = await openBuilt(name, { url: `${ORIGIN}/page-1024.html` });
    await until('#state', /^connected$/);
    await page.click('#start:enabled');
    await until('#answer', /^200 with 1024 bytes$/);
    expect(await close()).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'ethereum: a name by ethers, then a batch to each of several nodes',
  async () => {
    const nodes = RPC_HOSTS.slice(0, 3).map((host) => `https://${host}/rpc`);
    const broken = 'https://node.example/status/503';
    const config = { name: 'vitalik.eth', nodes: [...nodes, broken] };
    const { page, until, close } = await openBuilt('ethereum', config);
    await until('#state', /^connected$/);
    await page.click('#start:enabled');
    await until('#state', /^0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045$/);
    const rows = await until('#balances', /node\.example/);
    for (const host of RPC_HOSTS.slice(0, 3)) expect(rows).toMatch(`${host}\t68943\t1.0`);
    expect(rows).toMatch(/answers 503/);
    expect(await close()).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'service worker: images and fetches of unchanged code go through the tunnel, or fail',
  async () => {
    const page = await browser.browser.newPage();
    const path = '/examples/service-worker/';
    const folders = { '/packages/': join(root, 'packages'), [path]: join(root, path) };
    const { until, close } = await openExample(
      page,
      { folders, path },
      {
        tunnel: internet.tunnel,
        directories: [internet.directory],
        image: `${ORIGIN}/drawing.svg`,
        url: `${ORIGIN}/page-1024.html`,
      },
    );
    await until('#state', /^connected$/);
    await page.click('#start');
    await until('#text', /^200\nline 0 of a page that travelled through five hops/);
    const image = await page.waitForSelector('#image');
    await image?.evaluate((element) => (element as HTMLImageElement).decode());
    expect(await image?.evaluate((element) => (element as HTMLImageElement).naturalWidth)).toBe(40);
    const asked = internet.origin.requests().filter((line) => line.includes('/drawing.svg'));
    expect(asked).toEqual([expect.stringMatching(`^${ADDRESSES.exit} `)]);

    // A forced reload leaves the page without its controller; it takes it again.
    const session = await page.createCDPSession();
    const reload = session.send('Page.reload', { ignoreCache: true });
    await Promise.all([page.waitForNavigation(), reload]);
    await until('#state', /^connected$/);
    // Where nobody answers, nothing else is tried.
    await fill(page as unknown as TestPage, '#url', 'https://nowhere.example/');
    await page.click('#start');
    await until('#text', /^failed: /);
    await close();
  },
  TIMEOUT_MS,
);
