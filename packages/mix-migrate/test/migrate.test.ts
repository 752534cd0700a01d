// The codemod on texts, and as a program on a folder: a program for the old packages is one for
// these afterwards, by the compiler's word, and nothing else in it has changed.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { temporaryFolder } from '@mixweb/testing';
import { afterAll, describe, expect, it } from 'vitest';

import { rewriteManifest, rewriteSource } from '../src/migrate.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = join(root, 'packages/mix-migrate/src/mix-migrate.mjs');
const folder = temporaryFolder('migrate');
afterAll(() => folder.dispose());

describe('a source', () => {
  it.each([
    [`import { mixFetch } from '@nymproject/mix-fetch';`, '@mixweb/mix-fetch'],
    [`const f = await import("@nymproject/mix-fetch")`, '@mixweb/mix-fetch'],
    ['jest.mock(`@nymproject/mix-dns`)', '@mixweb/mix-dns'],
    [`{"imports": {"@nymproject/mix-tunnel": "/x.js"}}`, '@mixweb/mix-tunnel'],
    [`require('@nymproject/sdk')`, '@mixweb/mix-client'],
  ])('%s', (text, name) => {
    const { text: after, replaced, left } = rewriteSource(text);
    const [old = ''] = replaced;
    expect(after).toBe(text.replace(old, name));
    expect(left).toEqual([]);
  });

  it.each([
    `import x from '@nymproject/mix-fetch/dist/worker.js';`,
    `import x from '@nymproject/mix-fetch-full-fat';`,
    `import x from '@nymproject/nym-validator-client';`,
  ])('is left alone where nothing here is the same: %s', (text) => {
    const { text: after, left } = rewriteSource(text);
    expect(after).toBe(text);
    expect(left).toHaveLength(1);
  });

  it('is left alone where the name is not a whole literal', () => {
    const text = `// @nymproject/mix-fetch\n'see @nymproject/mix-fetch'`;
    expect(rewriteSource(text)).toEqual({ text, replaced: [], left: [] });
  });
});

it('a manifest keeps its order, its indentation and the rest', () => {
  const before = `{\n\t"name": "app",\n\t"dependencies": {\n\t\t"a": "1",\n\t\t"@nymproject/mix-dns": "0.2.1",\n\t\t"z": "2"\n\t}\n}\n`;
  const after = rewriteManifest(before, '^0.1.0').text;
  expect(after).toBe(
    before.replace('"@nymproject/mix-dns": "0.2.1"', '"@mixweb/mix-dns": "^0.1.0"'),
  );
});

it('a whole project: tells, changes, and the result compiles against these packages', async () => {
  const app = join(folder.path, 'app');
  mkdirSync(join(app, 'src'), { recursive: true });
  mkdirSync(join(app, 'node_modules/x'), { recursive: true });
  const source = readFileSync(join(root, 'tests/types/reference-program.ts'), 'utf8');
  writeFileSync(join(app, 'src/program.ts'), source);
  writeFileSync(join(app, 'node_modules/x/index.js'), source);
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({ type: 'module', dependencies: { '@nymproject/mix-fetch': '2.1.1' } }),
  );
  await expect(run(process.execPath, [program, '--check', app])).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/2 files would change/) as string,
  });
  expect(readFileSync(join(app, 'src/program.ts'), 'utf8')).toBe(source);

  const { stdout } = await run(process.execPath, [program, '.'], { cwd: app });
  expect(stdout).toMatch(/2 files changed/);
  const rewritten = readFileSync(join(app, 'src/program.ts'), 'utf8');
  expect(rewritten.replaceAll("'@mixweb/", "'@nymproject/")).toBe(source);
  expect(readFileSync(join(app, 'node_modules/x/index.js'), 'utf8')).toBe(source);
  expect((await run(process.execPath, [program, '--check', app])).stdout).toMatch(/^0 files/);

  const paths = Object.fromEntries(
    ['dns', 'fetch', 'tunnel', 'websocket'].map((name) => [
      `@mixweb/mix-${name}`,
      [join(root, `packages/mix-${name}/dist/index.d.ts`)],
    ]),
  );
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tests/types/tsconfig.json'),
      compilerOptions: { paths },
      files: ['src/program.ts'],
    }),
  );
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', app]);
});
