// Examples with a build step or without a page: the download page bundled by esbuild in Chromium, the
// script in Node.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startInternet, temporaryFolder } from '@mixweb/testing';
import { launchPhone } from '@mixweb/testing/browsers';
import { pageBytes } from '@mixweb/testing/origin';
import { serveFiles } from '@mixweb/testing/serve-files';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { fill, untilText } from './support/drive.ts';

const run = promisify(execFile);
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const SIZE = 102_400;
/** For machines that are busy with other tests. */
const TIMEOUT_MS = 240_000;
const PAGE = `https://origin.example/page-${SIZE}.html`;

let internet: Awaited<ReturnType<typeof startInternet>>;
const folder = temporaryFolder('small-examples');

beforeAll(async () => {
  internet = await startInternet();
});
afterAll(async () => {
  await internet.stop();
  folder.dispose();
});

describe('the page that downloads', () => {
  it(
    'shows the file with its digest, and what went wrong with another',
    async () => {
      await run(process.execPath, [join(examples, 'file-download/build.mjs'), folder.path]);
      const site = await serveFiles({
        folders: { '/': `${folder.path}/` },
        texts: { '/config.json': JSON.stringify({ tunnel: internet.tunnel, url: PAGE }) },
      });
      const phone = await launchPhone('chromium');
      try {
        const { page } = phone;
        await page.goto(`${site.origin}/`);
        await untilText(page, '#state', /^connected$/);
        await page.click('#start');
        const digest = createHash('sha256').update(pageBytes(SIZE)).digest('hex');
        expect(await untilText(page, '#state', /bytes|failed/)).toBe(
          `${SIZE} bytes, SHA-256 ${digest}`,
        );
        await untilText(page, '#save', /^Save$/);
        await fill(page, '#url', 'https://origin.example/nowhere');
        await page.click('#start');
        await untilText(page, '#state', /^failed: the server answered 404$/);
      } finally {
        await phone.close();
        await site.stop();
      }
    },
    TIMEOUT_MS,
  );
});

describe('the script for Node', () => {
  it(
    'prints a line for each address',
    async () => {
      const roots = join(folder.path, 'roots.pem');
      writeFileSync(roots, internet.authority.pem);
      const missing = 'https://nowhere.example/';
      const { stdout } = await run(
        process.execPath,
        [join(examples, 'node-script/status.mjs'), PAGE, missing],
        { env: { ...process.env, MIX_DIRECTORY: internet.directory, MIX_ROOTS: roots } },
      );
      const [first, second] = stdout.split('\n');
      expect(first).toMatch(new RegExp(`^200 ${PAGE} \\d+ ms$`));
      expect(second).toMatch(new RegExp(`^DNS_NOT_FOUND ${missing} `));
    },
    TIMEOUT_MS,
  );
});
