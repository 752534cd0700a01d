// Bundles the TypeScript packages: worker and wasm inlined into mix-tunnel's default entry, and
// as separate files for its second one. Types go into one .d.ts per package.
//   node tools/build-packages.mjs
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const wasmDir = join(root, 'build/wasm-release/wasm');
const glue = join(wasmDir, 'mixweb.mjs');
const wasm = join(wasmDir, 'mixweb.wasm');
if (![glue, wasm].every((file) => existsSync(file))) {
  console.error('build-packages: no wasm module; run tools/build wasm first');
  process.exit(1);
}

const tunnel = join(root, 'packages/mix-tunnel');
/** Facades over mix-tunnel: one bundle each. */
const facades = ['mix-fetch', 'mix-client', 'mix-dns', 'mix-websocket'].map((name) =>
  join(root, 'packages', name),
);
const fetchPackage = join(root, 'packages/mix-fetch');

const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  sourcemap: false,
};
// The glue serves web and Node; what it imports of Node never runs in a browser.
const nodeModules = ['module', 'fs', 'path', 'url', 'crypto', 'worker_threads', 'node:*'];

/** Gives bundles the modules that exist only as build output. */
const supply = (modules) => ({
  name: 'supply',
  setup(bundle) {
    bundle.onResolve({ filter: /^#mixweb-module$/ }, () => ({ path: glue }));
    bundle.onResolve({ filter: /^#(inlined-|directory-calls)/ }, ({ path }) => ({
      path,
      namespace: 'inlined',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'inlined' }, ({ path }) => ({
      contents: `export default ${JSON.stringify(modules[path])};`,
    }));
  },
});

/** Paths that an engine asks of the directory at its start: the engine itself is asked for them. */
async function directoryCalls() {
  const base = 'https://directory.invalid/';
  const { default: create } = await import(pathToFileURL(glue).href);
  const { Engine } = await create({ wasmBinary: readFileSync(wasm) });
  const pathsOf = (exit) => {
    const engine = new Engine({ nymApiUrls: [base], exit }, undefined, () => undefined);
    if (!engine.start(undefined).ok) throw new Error('the engine does not start');
    return engine
      .turn()
      .actions.filter(({ kind }) => kind === 'getFromDirectory')
      .map(({ url }) => url.slice(base.length));
  };
  const [always, all] = [pathsOf(false), pathsOf(true)];
  if (always.length === 0) throw new Error('an engine that asks no directory');
  return { always, exit: all.filter((path) => !always.includes(path)) };
}

/** The module by xz, in the form that small decoders know. ADR 0014. */
function packModule() {
  // Code has no alignment that were worth modelling, hence pb=0.
  const lzma = 'preset=9e,lc=3,lp=0,pb=0,dict=2MiB';
  const options = ['--format=xz', '--check=crc32', `--lzma2=${lzma}`, '--threads=1', '--stdout'];
  const done = spawnSync('xz', [...options, wasm], { maxBuffer: 2 ** 24 });
  if (done.status !== 0) {
    console.error(`build-packages: xz failed: ${done.error ?? done.stderr}`);
    process.exit(1);
  }
  return done.stdout;
}
const pack = (bytes) => gzipSync(bytes, { level: 9 }).toString('base64');

rmSync(join(tunnel, 'dist'), { recursive: true, force: true });
for (const facade of facades) rmSync(join(facade, 'dist'), { recursive: true, force: true });
mkdirSync(join(tunnel, 'dist'), { recursive: true });
copyFileSync(wasm, join(tunnel, 'dist/mixweb.wasm'));
copyFileSync(join(root, 'THIRD_PARTY_NOTICES'), join(tunnel, 'dist/THIRD_PARTY_NOTICES'));

const calls = { '#directory-calls': await directoryCalls() };
const workerFile = join(tunnel, 'dist/worker.js');
await build({
  ...common,
  // A classic script: every platform with workers runs it. It has no address of its own to look
  // beside, and needs none.
  format: 'iife',
  define: { 'import.meta.url': 'location.href' },
  entryPoints: [join(root, 'worker/src/worker.ts')],
  outfile: workerFile,
  external: nodeModules,
  plugins: [supply(calls)],
});
await build({
  ...common,
  platform: 'node',
  entryPoints: [join(root, 'worker/src/node-worker.ts')],
  outfile: join(tunnel, 'dist/node-worker.js'),
  external: ['ws'],
  plugins: [supply(calls)],
});
const inlined = supply({
  '#inlined-wasm': packModule().toString('base64'),
  '#inlined-worker': pack(readFileSync(workerFile)),
});
for (const entry of ['index', 'separate']) {
  await build({
    ...common,
    entryPoints: [join(tunnel, `src/${entry}.ts`)],
    outfile: join(tunnel, `dist/${entry}.js`),
    plugins: [inlined],
  });
}
await build({
  ...common,
  platform: 'node',
  entryPoints: [join(tunnel, 'src/node.ts')],
  outfile: join(tunnel, 'dist/node.js'),
});
for (const facade of facades) {
  await build({
    ...common,
    entryPoints: [join(facade, 'src/index.ts')],
    outfile: join(facade, 'dist/index.js'),
    // The package's own further entries are loaded when they are used.
    external: ['@mixweb/mix-tunnel', '@mixweb/mix-fetch/*'],
  });
}

await build({
  ...common,
  entryPoints: [join(fetchPackage, 'src/cookies.ts')],
  outfile: join(fetchPackage, 'dist/cookies.js'),
  external: ['tough-cookie'],
});

/**
 * One .d.ts per package, so that nothing unpublished is referred to. Facades import the types of
 * mix-tunnel from it, as their code does: tsconfig.types.json knows it as a package.
 */
function bundleTypes(packageDir, project, how, entry = 'index') {
  const args = ['--no-check', '--project', project, '--export-referenced-types=false', ...how];
  args.push('-o', join(packageDir, `dist/${entry}.d.ts`), join(packageDir, `src/${entry}.ts`));
  const done = spawnSync('npx', ['dts-bundle-generator', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (done.status !== 0) {
    console.error(done.stdout + done.stderr);
    process.exit(1);
  }
}
const beside = ['--external-imports', '@mixweb/mix-tunnel'];
bundleTypes(tunnel, 'tsconfig.json', ['--external-inlines', 'comlink']);
// First, since the package's own main entry refers to it.
bundleTypes(fetchPackage, 'tsconfig.types.json', beside, 'cookies');
for (const facade of facades) bundleTypes(facade, 'tsconfig.types.json', beside);
