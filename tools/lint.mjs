// Static checks, each counted as one: formatting, clang-tidy, eslint, types, copies, packages, sizes.
//   node tools/lint.mjs [--all]      --all: clang-tidy on every file, not on the changed ones only
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const all = process.argv.includes('--all');
/** Seconds after which clang-tidy starts no further file (without --all). */
const tidyBudget = 150;
const jobs = 2;

function git(...args) {
  const done = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return done.status === 0 ? done.stdout.split('\n').filter((line) => line !== '') : undefined;
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ ok: false, output: String(error) }));
    child.on('close', (status) =>
      resolve({ ok: status === 0, output: Buffer.concat(chunks).toString() }),
    );
  });
}

const ours = (git('ls-files', '--cached', '--others', '--exclude-standard') ?? []).filter((file) =>
  existsSync(join(root, file)),
);
const cpp = ours.filter((file) => /\.(cpp|h|c)$/.test(file) && !file.startsWith('third_party/'));

async function clangFormat() {
  if (cpp.length === 0) return { ok: true, output: '' };
  return run('clang-format-19', ['--dry-run', '-Werror', ...cpp]);
}

/** Sources changed against the parent commit or in the work tree; a changed header brings its rung. */
function changedSources(database) {
  const known = database.map(({ file }) => file).filter((file) => file.startsWith(`${root}/`));
  const changed = git('diff', '--name-only', 'HEAD~1');
  if (all || changed === undefined) return known;
  const folders = new Set(
    changed
      .filter((file) => file.endsWith('.h'))
      .map((file) => file.split('/').slice(0, 2).join('/')),
  );
  return known.filter((file) => {
    const path = file.slice(root.length + 1);
    return changed.includes(path) || folders.has(path.split('/').slice(0, 2).join('/'));
  });
}

async function clangTidy() {
  const build = join(root, 'build/native-debug');
  // Also when it is there: new files are known only after a new look.
  const configured = await run('cmake', ['--preset', 'native-debug']);
  if (!configured.ok) return configured;
  const headers = ['--build', '--preset', 'native-debug', '--target', 'mix_precompiled'];
  const precompiled = await run('cmake', headers);
  if (!precompiled.ok) return precompiled;
  const database = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
  const queue = [...new Set(changedSources(database))]
    .filter((file) => file.endsWith('.cpp'))
    .sort();
  const total = queue.length;
  const end = performance.now() + tidyBudget * 1000;
  let ok = true;
  let output = '';
  const worker = async () => {
    while (queue.length > 0 && (all || performance.now() < end)) {
      const done = await run('clang-tidy-19', ['--quiet', '-p', build, queue.shift()]);
      if (!done.ok) {
        ok = false;
        output += done.output;
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  output += `${total - queue.length} of ${total} files checked\n`;
  return { ok, output, note: `${total - queue.length} of ${total} files` };
}

async function duplication() {
  const { path } = JSON.parse(readFileSync(join(root, '.jscpd.json'), 'utf8'));
  // jscpd stops at a folder that is not there.
  const present = path.filter((folder) => existsSync(join(root, folder)));
  return run('npx', ['jscpd', '--config', '.jscpd.json', ...present]);
}

/** The lock file must work with anybody's registry. */
async function lockfile() {
  const hosts = readFileSync(join(root, 'package-lock.json'), 'utf8').match(
    /"resolved": "http[^"]*"/g,
  );
  return { ok: hosts === null, output: hosts === null ? '' : `${hosts.slice(0, 3).join('\n')}\n` };
}

/** What would be published: exports that resolve, types that agree with them. */
async function packages() {
  const folders = readdirSync(join(root, 'packages')).filter((name) => name !== 'testing');
  const outcomes = [];
  for (const folder of folders.map((name) => `packages/${name}`)) {
    outcomes.push(await run('npx', ['publint', '--strict', folder]));
    const { types } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    if (types === undefined) continue; // programs
    const assets = ['--exclude-entrypoints', 'mixweb.wasm', 'worker.js'];
    const attw = ['attw', '--pack', folder, '--profile', 'esm-only', '--quiet', ...assets];
    outcomes.push(await run('npx', attw));
  }
  const bad = outcomes.filter(({ ok }) => !ok);
  return { ok: bad.length === 0, output: bad.map(({ output }) => output).join('') };
}

/** Advisories are asked of the registry, which need not answer. */
async function audit() {
  const done = await run('node', ['tools/audit.mjs']);
  return { ...done, note: done.output.includes('no advisories') ? 'licences only' : undefined };
}

/** The published declarations: drop-in for those of @nymproject, and complete in themselves. */
async function publishedTypes() {
  const outcomes = [];
  for (const project of ['tsconfig.json', 'tsconfig.alias.json']) {
    outcomes.push(await run('npx', ['tsc', '-p', join('tests/types', project)]));
  }
  return {
    ok: outcomes.every(({ ok }) => ok),
    output: outcomes.map(({ output }) => output).join(''),
  };
}

const checks = [
  ['clang-format', clangFormat],
  ['clang-tidy', clangTidy],
  [
    'eslint',
    () => run('npx', ['eslint', '--max-warnings=0', '--no-error-on-unmatched-pattern', '.']),
  ],
  ['prettier', () => run('npx', ['prettier', '--check', '--log-level=warn', '.'])],
  ['types', () => run('npx', ['tsc', '--noEmit', '-p', 'tsconfig.json'])],
  ['published types', publishedTypes],
  ['error codes', () => run('node', ['tools/gen-errors.mjs', '--check'])],
  ['notices', () => run('node', ['tools/gen-notices.mjs', '--check'])],
  ['audit', audit],
  ['sbom', () => run('node', ['tools/sbom.mjs'])],
  ['lock file', lockfile],
  ['docs', () => run('node', ['tools/docs.mjs'])],
  ['reproducible', () => run('node', ['tools/reproduce.mjs'])],
  ['duplication', duplication],
  ['packages', packages],
  ['api report', () => run('node', ['tools/api-report.mjs', '--check'])],
  ['size', () => run('node', ['tools/size-budget.mjs'])],
  ['size by object', () => run('node', ['tools/size-report.mjs'])],
];

const counts = [];
for (const [name, check] of checks) {
  const start = performance.now();
  const { ok, output, note } = await check();
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `lint: ${ok ? 'ok    ' : 'FAILED'} ${name}${note ? ` (${note})` : ''} ${seconds.toFixed(1)} s`,
  );
  if (!ok || name.startsWith('size')) process.stdout.write(output);
  counts.push({
    name: `lint: ${name}`,
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    seconds,
  });
}
mkdirSync(join(root, 'build/results'), { recursive: true });
writeFileSync(join(root, 'build/results/lint-summary.json'), JSON.stringify(counts, null, 2));
const failed = counts.filter((count) => count.failed > 0).length;
console.log(`${counts.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
