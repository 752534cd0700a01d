// Builds the web part into www/: one script, everything inlined.
//   node build.mjs [FOLDER]
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, 'www'));

mkdirSync(folder, { recursive: true });
for (const file of ['index.html', 'style.css', 'config.json']) {
  copyFileSync(join(here, file), join(folder, file));
}
await build({
  entryPoints: [join(here, 'src/main.ts')],
  outfile: join(folder, 'main.js'),
  bundle: true,
  tsconfigRaw: {}, // the packages as they are built, not their sources
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
});
