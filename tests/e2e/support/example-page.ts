// An example's page as its user has it: made by its own build command in a child process, served,
// and opened in a browser. Only the configuration is a test's.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { serveFiles } from '@mixweb/testing/serve-files';
import type { TestPage } from '@mixweb/testing/browsers';
import type { Page } from 'puppeteer-core';

import { untilText } from './drive.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const modules = join(root, 'node_modules');
export const examples = join(root, 'examples');

/** How each example is built: a command in its folder, and where it puts the page. */
interface Build {
  command: readonly string[];
  /** Where the page is; if absent, in the folder that is appended to the command. */
  output?: string;
}
const script: Build = { command: ['build.mjs'] };
export const BUILDS = {
  'file-download': script,
  ethereum: script,
  webpack: script,
  'vite-react': {
    command: [join(modules, 'vite/bin/vite.js'), 'build', '--logLevel=error', '--outDir'],
  },
  nextjs: { command: [join(modules, 'next/dist/bin/next'), 'build'], output: 'out' },
} as const satisfies Record<string, Build>;

/** Builds an example; resolves with the folder to serve. */
export async function buildExample(name: keyof typeof BUILDS, folder: string): Promise<string> {
  const { command, output }: Build = BUILDS[name];
  const cwd = join(examples, name);
  const target = output === undefined ? join(folder, name) : join(cwd, output);
  const args = output === undefined ? [...command, target] : command;
  // Vitest's own NODE_ENV would make React's development build of it.
  const env = { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' };
  await run(process.execPath, args, { cwd, env });
  return target;
}

export interface ExamplePage {
  readonly page: Page;
  /** As untilText, on this page. */
  until(selector: string, wanted: RegExp): Promise<string>;
  /** Closes it; resolves with what it had to complain about: errors, and what was not found. */
  close(): Promise<string[]>;
}

/** Serves folders by path prefix with a `config.json` beside the page, and opens that. */
export async function openExample(
  page: Page,
  site: { folders: Record<string, string>; path: string },
  config: object,
): Promise<ExamplePage> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
  });
  const served = await serveFiles({
    folders: site.folders,
    texts: { [`${site.path}config.json`]: JSON.stringify(config) },
  });
  await page.goto(`${served.origin}${site.path}`);
  return {
    page,
    // Puppeteer's types differ in how far they unwrap handles.
    until: (selector, wanted) => untilText(page as unknown as TestPage, selector, wanted),
    close: async () => {
      await page.close();
      await served.stop();
      return complaints;
    },
  };
}
