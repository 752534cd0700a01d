// Reproducible builds: the packages are built a second time, from a copy of the tree in another
// place, and every published byte must be the same; none may tell where it was built.
//   node tools/reproduce.mjs           bundles and types from the module that is there
//   node tools/reproduce.mjs --full    compiles the module again, too, from its sources
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { publishedPackages, root } from './lib/components.mjs';

const full = process.argv.includes('--full');
const copy = mkdtempSync(join(tmpdir(), 'mixweb-built-elsewhere-'));
const wasm = 'build/wasm-release/wasm';

function run(command, args, cwd) {
  const env = { ...process.env, MIX_DEPS_DIR: process.env['MIX_DEPS_DIR'] ?? join(root, '.deps') };
  const done = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (done.status === 0) return done.stdout;
  console.error(`reproduce: ${command} ${args.join(' ')} failed\n${done.stdout}${done.stderr}`);
  rmSync(copy, { recursive: true, force: true });
  process.exit(1);
}

/** node_modules of the copy: everything shared but the workspaces, which are its own. */
function linkModules() {
  const modules = join(root, 'node_modules');
  mkdirSync(join(copy, 'node_modules/@mixweb'), { recursive: true });
  for (const name of readdirSync(modules)) {
    if (name !== '@mixweb') symlinkSync(join(modules, name), join(copy, 'node_modules', name));
  }
  for (const { folder, manifest } of publishedPackages()) {
    symlinkSync(join(copy, folder), join(copy, 'node_modules', manifest.name));
  }
}

/** Files below a folder, as relative paths. */
function filesOf(folder, below = '') {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? filesOf(folder, path) : [path];
  });
}

const faults = [];
let count = 0;
function compare(place) {
  const [mine, other] = [join(root, place), join(copy, place)];
  const names = new Set([...filesOf(mine), ...filesOf(other)]);
  for (const name of names) {
    count += 1;
    const [first, second] = [join(mine, name), join(other, name)];
    if (!existsSync(first) || !existsSync(second)) faults.push(`${place}/${name}: built once only`);
    else {
      const bytes = readFileSync(first);
      if (!bytes.equals(readFileSync(second))) faults.push(`${place}/${name}: differs`);
      for (const path of [root, homedir(), process.env['MIX_DEPS_DIR']]) {
        // Short ones, such as /root, occur by chance.
        if (path && path.length > 6 && bytes.includes(path))
          faults.push(`${place}/${name}: ${path}`);
      }
    }
  }
}

for (const name of run('git', ['ls-files', '-co', '--exclude-standard'], root).split('\n')) {
  if (name === '' || !existsSync(join(root, name))) continue;
  mkdirSync(dirname(join(copy, name)), { recursive: true });
  cpSync(join(root, name), join(copy, name));
}
linkModules();
if (full) {
  run('cmake', ['--preset', 'wasm-release'], copy);
  run('cmake', ['--build', '--preset', 'wasm-release', '--target', 'mixweb'], copy);
} else {
  cpSync(join(root, wasm), join(copy, wasm), { recursive: true });
}
run('node', ['tools/build-packages.mjs'], copy);
for (const { folder } of publishedPackages()) {
  if (existsSync(join(root, folder, 'dist'))) compare(join(folder, 'dist'));
}
rmSync(copy, { recursive: true, force: true });
for (const fault of faults) console.error(`reproduce: ${fault}`);
console.log(`reproduce: ${count} files built twice, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
