// One script for the page: `node build.mjs [FOLDER]`, default ./www. esbuild needs no settings for the
// packages, since worker and module are inlined in their default entry.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, 'www');

mkdirSync(folder, { recursive: true });
copyFileSync(join(here, 'index.html'), join(folder, 'index.html'));
await build({
  entryPoints: [join(here, 'main.js')],
  outfile: join(folder, 'main.js'),
  bundle: true,
  format: 'esm',
  minify: true,
  // This repository's own leads the packages' names to their sources; your project needs no such line.
  tsconfigRaw: {},
  logLevel: 'warning',
});
