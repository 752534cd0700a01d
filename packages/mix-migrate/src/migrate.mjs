// From the packages of @nymproject to those of @mixweb: names of packages in string literals and
// in dependencies. No syntax tree is needed, since a package's name in quotes is nothing else.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';

const SOURCES = new Set(
  '.js .mjs .cjs .jsx .ts .mts .cts .tsx .html .vue .svelte .astro .json'.split(' '),
);
const LOCKS = new Set(['package-lock.json', 'npm-shrinkwrap.json']);
const DEPENDENCIES = [
  'dependencies',
  'devDependencies',
  'peerDependencies',
  'optionalDependencies',
];
const SPECIFIER = /(["'`])(@nymproject\/[A-Za-z0-9._-]+)(\/[^"'`\n]*)?\1/g;

/** The package here that does what that one does, or undefined. */
function successor(name) {
  const bare = name.slice('@nymproject/'.length);
  if (/^mix-(tunnel|fetch|dns|websocket)$/.test(bare)) return `@mixweb/${bare}`;
  if (/^sdk(-full-fat)?$/.test(bare)) return '@mixweb/mix-client';
  return undefined;
}

export function rewriteSource(text) {
  const replaced = [];
  const left = [];
  const result = text.replace(SPECIFIER, (whole, quote, name, path = '') => {
    const next = successor(name);
    if (next === undefined || path !== '') {
      left.push(`${name}${path}`);
      return whole;
    }
    replaced.push(name);
    return `${quote}${next}${quote}`;
  });
  return { text: result, replaced, left };
}

export function rewriteManifest(text, version) {
  const manifest = JSON.parse(text);
  const replaced = [];
  const left = [];
  for (const kind of DEPENDENCIES) {
    if (typeof manifest[kind] !== 'object' || manifest[kind] === null) continue;
    const entries = Object.entries(manifest[kind]).map(([name, range]) => {
      if (!name.startsWith('@nymproject/')) return [name, range];
      const next = successor(name);
      (next === undefined ? left : replaced).push(name);
      return next === undefined ? [name, range] : [next, version];
    });
    manifest[kind] = Object.fromEntries(entries);
  }
  const indent = /^[ \t]+/m.exec(text)?.[0] ?? '  ';
  const ending = text.endsWith('\n') ? '\n' : '';
  const result = replaced.length > 0 ? `${JSON.stringify(manifest, null, indent)}${ending}` : text;
  return { text: result, replaced, left };
}

function* files(path) {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const { name } = entry;
    if (name === 'node_modules' || name.startsWith('.')) continue;
    const inside = join(path, name);
    if (entry.isDirectory()) yield* files(inside);
    else if (entry.isFile() && SOURCES.has(extname(name)) && !LOCKS.has(name)) yield inside;
  }
}

export function examine(path, version) {
  const findings = [];
  for (const file of files(path)) {
    const text = readFileSync(file, 'utf8');
    if (!text.includes('@nymproject/')) continue;
    const rewritten =
      basename(file) === 'package.json' ? rewriteManifest(text, version) : rewriteSource(text);
    if (rewritten.text !== text || rewritten.left.length > 0) findings.push({ file, ...rewritten });
  }
  return findings;
}
