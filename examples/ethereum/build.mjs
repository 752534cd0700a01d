// One script for the page: `node build.mjs [FOLDER]`, default ./www.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const [folder = join(here, 'www')] = process.argv.slice(2);

mkdirSync(folder, { recursive: true });
for (const file of ['index.html', 'config.json']) {
  copyFileSync(join(here, file), join(folder, file));
}
await build({
  entryPoints: [join(here, 'main.ts')],
  outfile: join(folder, 'main.js'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  // This repository's own leads the packages' names to their sources; your project needs no such line.
  tsconfigRaw: {},
  logLevel: 'warning',
});
