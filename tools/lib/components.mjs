// What the published packages consist of: our packages, the npm packages that they bring along or
// contain, and the native sources that are compiled in. For notices, licences and the SBOM.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** The licence that we take each library under, and the file with its text. */
export const LIBRARIES = {
  libsodium: ['ISC', 'LICENSE'],
  mbedtls: ['Apache-2.0', undefined],
  lwip: ['BSD-3-Clause', 'COPYING'],
  blake3: ['Apache-2.0', undefined],
  nghttp2: ['MIT', 'COPYING'],
  zlib: ['Zlib', 'LICENSE'],
  brotli: ['MIT', 'LICENSE'],
};
/** In no package: these measure. */
const TOOLS = new Set(['benchmark']);
/** Bundled from npm. */
export const MODULES = ['comlink', 'xz-decompress'];

/** Pinned sources that are compiled in: name, version, and each archive with its SHA-256. */
export function nativeSources() {
  const sources = new Map();
  for (const line of readFileSync(join(root, 'third_party/pins.txt'), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [name, version, how, , sha256, where] = line.split(/\s+/);
    if (TOOLS.has(name)) continue;
    if (!(name in LIBRARIES)) throw new Error(`no licence is known for ${name}`);
    const source = sources.get(name) ?? {
      name,
      version,
      license: LIBRARIES[name][0],
      archives: [],
    };
    source.archives.push({ how, sha256, where });
    sources.set(name, source);
  }
  return [...sources.values()];
}

/** The manifests of what is published, by folder. */
export function publishedPackages() {
  return readdirSync(join(root, 'packages'))
    .map((folder) => ({
      folder: `packages/${folder}`,
      manifest: readJson(`packages/${folder}/package.json`),
    }))
    .filter(({ manifest }) => manifest.private !== true);
}

/** All npm packages that the lock file knows, with their places in node_modules. */
export function lockedPackages() {
  return Object.entries(readJson('package-lock.json').packages)
    .filter(([place, { link }]) => place.includes('node_modules/') && !link)
    .map(([place, entry]) => ({ place, name: place.split('node_modules/').at(-1), ...entry }));
}

/** The npm packages that come along with ours, and those bundled: what a user gets. */
export function runtimePackages() {
  const locked = new Map(lockedPackages().map((entry) => [entry.place, entry]));
  /** As Node resolves: the nearest node_modules on the way up. */
  const resolve = (name, from) => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const found = locked.get(`${at}${at && '/'}node_modules/${name}`);
      if (found || at === '') return found;
    }
  };
  const found = new Map();
  const add = (name, from) => {
    const entry = resolve(name, from);
    if (!entry || found.has(entry.place)) return;
    found.set(entry.place, entry);
    for (const next of Object.keys(entry.dependencies ?? {})) add(next, entry.place);
  };
  for (const name of MODULES) add(name, '');
  for (const { folder, manifest } of publishedPackages()) {
    for (const name of Object.keys({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
    })) {
      if (!name.startsWith('@mixweb/')) add(name, folder);
    }
  }
  return [...found.values()];
}
