// The documentation site, build/docs: TypeDoc for the packages and the guides, Doxygen for core/.
// Fails on warnings of either, on links that lead nowhere, and on a link out of the repository.
//   node tools/docs.mjs
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const site = join(root, 'build/docs');

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ ok: false, output: String(error) }));
    child.on('close', (status) => resolve({ ok: status === 0, output }));
  });
}

function* pages(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* pages(path);
    else if (entry.name.endsWith('.html')) yield path;
  }
}

const decoded = (text) => decodeURIComponent(text.replaceAll('&amp;', '&'));

/** TypeDoc takes its navigation's links for absolute ones. */
function leadToCpp() {
  for (const page of pages(site)) {
    const up = '../'.repeat(page.slice(site.length + 1).split('/').length - 1);
    const text = readFileSync(page, 'utf8');
    writeFileSync(page, text.replaceAll('href="cpp/index.html"', `href="${up}cpp/index.html"`));
  }
}

/** Links of TypeDoc's pages, and the start page of Doxygen's, that lead to no file or anchor. */
function brokenLinks() {
  const cpp = join(site, 'cpp');
  const all = [...pages(site)].filter((page) => !page.startsWith(`${cpp}/`));
  const texts = new Map();
  const textOf = (page) => {
    if (!texts.has(page)) texts.set(page, readFileSync(page, 'utf8'));
    return texts.get(page);
  };
  const broken = [];
  let checked = 0;
  for (const page of all) {
    for (const [, link] of textOf(page).matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      if (/^(https?:|mailto:|data:|javascript:)/.test(link) || link === '') continue;
      checked += 1;
      const [path = '', anchor] = link.split('#');
      let target = path === '' ? page : normalize(join(dirname(page), decoded(path.split('?')[0])));
      if (existsSync(target) && statSync(target).isDirectory()) target = join(target, 'index.html');
      const found = target.startsWith(site) && existsSync(target);
      const id = anchor && decoded(anchor);
      const present =
        !id || !target.endsWith('.html') || (found && textOf(target).includes(`id="${id}"`));
      if (!found || !present) broken.push(`${page.slice(site.length + 1)}: ${link}`);
    }
  }
  return { broken, checked, pages: all.length };
}

const start = performance.now();
rmSync(site, { recursive: true, force: true });
mkdirSync(site, { recursive: true });
const stale = await run('node', ['tools/gen-troubleshooting.mjs', '--check']);
// TypeDoc empties its folder, so one after the other.
const typedoc = await run('npx', ['typedoc', '--treatWarningsAsErrors']);
leadToCpp();
const doxygen = await run('doxygen', ['docs/Doxyfile']);
let ok = true;
for (const [name, outcome] of Object.entries({ stale, typedoc, doxygen })) {
  if (outcome.ok) continue;
  ok = false;
  console.error(`docs: ${name} failed\n${outcome.output}`);
}
const map = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
for (const name of readdirSync(join(root, 'docs/adr'))) {
  if (map.includes(`(adr/${name})`)) continue;
  ok = false;
  console.error(`docs: docs/architecture.md does not list adr/${name}`);
}
if (ok) {
  const { broken, checked, pages: count } = brokenLinks();
  for (const link of broken.slice(0, 30)) console.error(`docs: leads nowhere: ${link}`);
  ok = broken.length === 0;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `docs: ${count} pages, ${checked} links, ${broken.length} broken, ${seconds} s: ${site}`,
  );
}
process.exit(ok ? 0 : 1);
