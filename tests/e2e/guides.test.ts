// A newcomer's path through each guide, taken literally: what the marked blocks say is written to
// files, run by a shell and opened in a browser, in a clean folder, with packages as npm would
// publish them, and the output compared with the guide's. Only the network is a local one.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { startInternet, temporaryFolder } from '@mixweb/testing';
import { launchBrowser } from '@mixweb/testing/browsers';
import { serveFiles } from '@mixweb/testing/serve-files';
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startExampleCom } from './support/example-com.mjs';
import { asPattern, readGuide, type Step } from './support/guide.ts';
import { startRegistry } from './support/registry.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'docs/guides');
const STEP_TIMEOUT_MS = 120_000;

let internet: Awaited<ReturnType<typeof startInternet>>;
let registry: Awaited<ReturnType<typeof startRegistry>>;
let example: Awaited<ReturnType<typeof startExampleCom>>;
let browser: Awaited<ReturnType<typeof launchBrowser>>;
const home = temporaryFolder('guides');

beforeAll(async () => {
  registry = await startRegistry();
  internet = await startInternet({
    hosts: async (authority) => {
      example = await startExampleCom(authority);
      return [example.host];
    },
  });
  browser = await launchBrowser('chromium');
});
afterAll(async () => {
  await browser.close();
  await internet.stop();
  example.stop();
  await registry.stop();
  home.dispose();
});

const preload = new URL('./support/lead-to-localnet.mjs', import.meta.url);
const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: home.path,
  npm_config_registry: registry.url,
  npm_config_cache: join(registry.folder, 'cache'),
  npm_config_ignore_scripts: 'true',
  npm_config_update_notifier: 'false',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_yes: 'true',
  NODE_OPTIONS: `--import ${preload.href}`,
  MIX_GUIDE_TUNNEL: JSON.stringify(internet.tunnel),
  MIX_DIRECTORY: internet.directory,
});

/** Waits until what the page shows matches. */
async function shown(page: Page, wanted: RegExp): Promise<string> {
  const deadline = Date.now() + STEP_TIMEOUT_MS;
  for (;;) {
    const text = `${await page.$eval('#out', (element) => element.textContent ?? '')}\n`;
    if (wanted.test(text) || Date.now() > deadline) return text;
  }
}

/** Opens a page of the folder in a browser; `printed` is what it comes to show. */
async function openPage(
  step: Step & { kind: 'page' },
  cwd: string,
  wanted: RegExp,
): Promise<string> {
  const site = await serveFiles({ folders: { '/': cwd } });
  const page = await browser.browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.evaluateOnNewDocument(leadTunnelsInPage, JSON.stringify(internet.tunnel));
  await page.goto(
    step.from === 'file' ? pathToFileURL(join(cwd, step.name)).href : `${site.origin}/${step.name}`,
  );
  const output = await shown(page, wanted);
  await page.close();
  await site.stop();
  expect(errors).toEqual([]);
  return output;
}

/** As lead-to-localnet.mjs, for pages. */
function leadTunnelsInPage(options: string): void {
  type Tunnel = { setUp(own: object): Promise<void> };
  let registry: { tunnel: Tunnel } | undefined;
  Object.defineProperty(globalThis, Symbol.for('@mixweb/mix-tunnel'), {
    configurable: true,
    get: () => registry,
    set: (made: { tunnel: Tunnel }) => {
      const setUp = made.tunnel.setUp.bind(made.tunnel);
      made.tunnel.setUp = (own) => setUp({ ...(JSON.parse(options) as object), ...own });
      registry = made;
    },
  });
}

const guides = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => [name.replace(/\.md$/, ''), readGuide(join(folder, name))] as const)
  .filter(([, steps]) => steps.length > 0);

it('the guides that promise a path have one', () => {
  expect(guides.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      ...[
        'bundlers',
        'choosing-shaping',
        'electron',
        'exit-security',
        'getting-started',
        'localnet',
      ],
      ...['migration', 'node', 'swap-fetch', 'troubleshooting', 'webviews'],
    ]),
  );
});

it.each(guides)('%s', { timeout: 10 * STEP_TIMEOUT_MS }, async (name, steps) => {
  const cwd = join(home.path, name);
  mkdirSync(cwd);
  let output = '';
  for (const [i, step] of steps.entries()) {
    switch (step.kind) {
      case 'file':
        mkdirSync(dirname(join(cwd, step.name)), { recursive: true });
        writeFileSync(join(cwd, step.name), `${step.text}\n`);
        break;
      case 'run': {
        const options = { cwd, env: environment(), timeout: STEP_TIMEOUT_MS };
        output = (await run('bash', ['--norc', '-euo', 'pipefail', '-c', step.text], options))
          .stdout;
        break;
      }
      case 'page': {
        const next = steps[i + 1];
        const wanted = next?.kind === 'prints' ? asPattern(next.text) : /./;
        output = await openPage(step, cwd, wanted);
        break;
      }
      case 'prints':
        expect(`${output.trimEnd()}\n`).toMatch(asPattern(step.text));
    }
  }
});
