// Licences and known weaknesses of the npm packages. Everything installed must have a licence that
// is known here; what users get, one that asks for nothing but a notice. Advisories come from the
// registry: findings fail, a registry that does not answer does not.
//   node tools/audit.mjs
import { spawnSync } from 'node:child_process';

import { lockedPackages, root, runtimePackages } from './lib/components.mjs';

const FREE = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Zlib']);
/** Of tools only: nothing of them is published. */
const FOR_TOOLS = new Set([
  ...FREE,
  'BlueOak-1.0.0',
  'CC0-1.0',
  'CC-BY-4.0',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
  '(WTFPL OR MIT)',
  '(MIT OR CC0-1.0)',
  // libvips in sharp, which Next.js brings along
  'LGPL-3.0-or-later',
  'Apache-2.0 AND LGPL-3.0-or-later',
  'Apache-2.0 AND LGPL-3.0-or-later AND MIT',
]);
/** Their manifests do not name the licence by its identifier; somebody has looked. */
const LOOKED_AT = new Map([
  ['xmlhttprequest-ssl', 'MIT'], // LICENSE in the package
  ['spawndamnit', 'MIT'], // LICENSE in the package
]);
/** From this level on a finding fails, for what users get and for tools. */
const FAILS = { users: ['low', 'moderate', 'high', 'critical'], tools: ['high', 'critical'] };

const faults = [];
const runtime = new Set(runtimePackages().map(({ place }) => place));
const locked = lockedPackages();
for (const { place, name, version, license } of locked) {
  const allowed = runtime.has(place) ? FREE : FOR_TOOLS;
  const its = LOOKED_AT.get(name) ?? license;
  if (!allowed.has(its)) faults.push(`${name} ${version}: licence ${its ?? 'unknown'}`);
}
console.log(`audit: licences of ${locked.length} packages, ${runtime.size} of them for users`);

const asked = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8' });
let answer = {};
try {
  answer = JSON.parse(asked.stdout);
} catch {
  // npm says nothing that can be read when it is offline
}
if (answer.vulnerabilities === undefined) {
  console.log(`audit: no advisories, the registry does not answer: ${answer.message ?? 'offline'}`);
} else {
  const users = new Set([...runtime].map((place) => place.split('node_modules/').at(-1)));
  for (const { name, severity, range } of Object.values(answer.vulnerabilities)) {
    const fails = FAILS[users.has(name) ? 'users' : 'tools'].includes(severity);
    const text = `${name} ${range}: ${severity} weakness`;
    if (fails) faults.push(text);
    else console.log(`audit: ${text}`);
  }
}
for (const fault of faults) console.error(`audit: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
