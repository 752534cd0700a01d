// Writes docs/guides/troubleshooting.md: every code that a catch block can meet, what it means and
// what to do (docs/troubleshooting.json), with the precise causes of core's errors.def below it.
//   node tools/gen-troubleshooting.mjs          writes the page
//   node tools/gen-troubleshooting.mjs --check  fails when it is stale or a code has no advice
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';

const root = new URL('../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const target = fileURLToPath(new URL('docs/guides/troubleshooting.md', root));

const rows = [
  ...read('core/base/include/mix/base/errors.def').matchAll(
    /^MIX_ERROR\((\d+), (\w+), (\w+), "(\w+)", "(.*)"\)$/gm,
  ),
].map(([, number, name, group, code, sentence]) => ({ number, name, group, code, sentence }));
const union = /export type MixErrorCode =\n([^;]*);/.exec(
  read('packages/mix-tunnel/src/generated/error-codes.ts'),
)[1];
const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
const { opening, advice } = JSON.parse(read('docs/troubleshooting.json'));

const unknown = Object.keys(advice).filter((code) => !codes.includes(code));
const silent = codes.filter((code) => advice[code] === undefined);
if (unknown.length > 0 || silent.length > 0) {
  console.error(`docs/troubleshooting.json: unknown [${unknown}], without advice [${silent}]`);
  process.exit(1);
}

const escape = (text) => text.replaceAll('{}', '…').replaceAll('|', '\\|').replaceAll('<', '&lt;');
function section(code) {
  const { means, do: steps } = advice[code];
  const causes = rows.filter((row) => row.code === code);
  const table = causes.map(
    ({ number, name, group, sentence }) =>
      `| \`${name}\` | ${number} | ${group} | ${escape(sentence)} |`,
  );
  return [
    `### ${code}`,
    means,
    ...steps.map((step) => `- ${step}`),
    ...(table.length === 0
      ? []
      : ['', '| detail | number | class | sentence |', '| --- | --- | --- | --- |', ...table]),
  ]
    .join('\n\n')
    .replaceAll('|\n\n|', '|\n|');
}
const text = `---
title: Troubleshooting by error code
group: Guides
---

# Troubleshooting by error code

<!-- run -->

\`\`\`sh
npm install @mixweb/mix-fetch
\`\`\`

${opening.join('\n')}

## Codes

${codes.map((code) => `[${code}](#${code.toLowerCase()})`).join(' · ')}

${codes.map(section).join('\n\n')}
`;
const page = await format(text, { ...(await resolveConfig(target)), filepath: target });

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== page) {
    console.error('troubleshooting.md is stale: run node tools/gen-troubleshooting.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(target, page);
}
