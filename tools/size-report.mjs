// What the wasm module is made of: bytes of code and data by library and by object, from the linker's
// map (build/wasm-release/wasm/mixweb.map), before the whole-program optimiser shrinks it further.
//   node tools/size-report.mjs [--objects N]
// Writes all of it to build/results/size-report.json.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'build/wasm-release/wasm/mixweb.map');

/** Columns of the map: address, offset and size in hexadecimal; the indent tells the level. */
const LINE = /^\s*\S+\s+[\da-f]+\s+([\da-f]+)( +)(.*)$/;
const SECTION_INDENT = 1;
const INPUT_INDENT = 9;
/** path/libname.a(object.o):(symbol), or path/object.o:(symbol) */
const INPUT = /^(?:.*\/)?([^/]*?)(?:\.a\(([^)]*)\))?:\(.*\)$/;

/** @returns {Map<string, { library: string, code: number, data: number }>} by object */
function objectsOf(map) {
  const objects = new Map();
  let kind;
  for (const line of map.split('\n')) {
    const [, size, indent, what] = LINE.exec(line) ?? [];
    if (indent?.length === SECTION_INDENT) {
      kind = what === 'CODE' ? 'code' : /^\.(ro)?data/.test(what) ? 'data' : undefined;
    }
    const [, outer, inner] = (kind && indent?.length === INPUT_INDENT && INPUT.exec(what)) || [];
    if (outer === undefined) continue;
    const library = inner === undefined ? 'wasm' : outer.replace(/^lib/, '');
    const name = `${library}/${(inner ?? outer).replace(/\.o$/, '')}`;
    const entry = objects.get(name) ?? { library, code: 0, data: 0 };
    entry[kind] += parseInt(size, 16);
    objects.set(name, entry);
  }
  return objects;
}

function byLibrary(objects) {
  const libraries = new Map();
  for (const { library, code, data } of objects.values()) {
    const sum = libraries.get(library) ?? { code: 0, data: 0 };
    libraries.set(library, { code: sum.code + code, data: sum.data + data });
  }
  return libraries;
}

const largest = (entries) => [...entries].sort(([, a], [, b]) => b.code + b.data - a.code - a.data);

function print(title, entries) {
  console.log(`${title.padEnd(44)}      code      data`);
  for (const [name, { code, data }] of entries) {
    console.log(`${name.padEnd(44)}${String(code).padStart(10)}${String(data).padStart(10)}`);
  }
}

const { values } = parseArgs({ options: { objects: { type: 'string', default: '25' } } });
if (!existsSync(file)) {
  console.error('size-report: no map; run tools/build wasm first');
  process.exit(1);
}
const objects = objectsOf(readFileSync(file, 'utf8'));
const libraries = byLibrary(objects);
print('library', largest(libraries));
console.log();
print('object', largest(objects).slice(0, Number(values.objects)));
const results = path.join(root, 'build/results');
mkdirSync(results, { recursive: true });
writeFileSync(
  path.join(results, 'size-report.json'),
  `${JSON.stringify({ libraries: Object.fromEntries(libraries), objects: Object.fromEntries(objects) }, undefined, 2)}\n`,
);
