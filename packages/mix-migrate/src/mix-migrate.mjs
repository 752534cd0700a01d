#!/usr/bin/env node
// mix-migrate [--check] [path…]: moves a project to the packages of @mixweb.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { examine } from './migrate.mjs';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('mix-migrate [--check] [path…]   default path: the current folder');
  process.exit(0);
}

let changed = 0;
let left = 0;
for (const path of positionals.length > 0 ? positionals : ['.']) {
  for (const finding of examine(path, `^${version}`)) {
    for (const name of finding.left) console.warn(`${finding.file}: look at ${name} yourself`);
    left += finding.left.length;
    if (finding.replaced.length === 0) continue;
    if (!values.check) writeFileSync(finding.file, finding.text);
    console.log(`${finding.file}: ${finding.replaced.join(', ')}`);
    changed += 1;
  }
}
console.log(`${changed} files ${values.check ? 'would change' : 'changed'}`);
process.exit((values.check && changed > 0) || left > 0 ? 1 : 0);
