// The software bill of materials, CycloneDX 1.5: our packages, what npm brings along with them or is
// bundled, and the native sources with the SHA-256 of every archive that is accepted. The same input
// gives the same bytes: no time, no random serial number.
//   node tools/sbom.mjs [FILE]      default: build/sbom.cdx.json
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import {
  MODULES,
  nativeSources,
  publishedPackages,
  root,
  runtimePackages,
} from './lib/components.mjs';

const npmRef = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;
const licenses = (id) => [/[ ()]/.test(id) ? { expression: id } : { license: { id } }];
const hex = (base64) => Buffer.from(base64, 'base64').toString('hex');

const ours = publishedPackages().map(({ manifest }) => manifest);
const fromNpm = runtimePackages();
const native = nativeSources();
const refOf = new Map([
  ...fromNpm.map(({ name, version }) => [name, npmRef(name, version)]),
  ...ours.map(({ name, version }) => [name, npmRef(name, version)]),
]);
const nativeRef = ({ name, version }) => `pkg:generic/${name}@${version}`;

const components = [
  ...ours.map(({ name, version, description, license }) => ({
    type: 'library',
    'bom-ref': npmRef(name, version),
    name,
    version,
    description,
    licenses: licenses(license),
    purl: npmRef(name, version),
  })),
  ...fromNpm.map(({ name, version, license, integrity }) => ({
    type: 'library',
    'bom-ref': npmRef(name, version),
    name,
    version,
    scope: MODULES.includes(name) ? 'required' : 'optional',
    hashes: [{ alg: 'SHA-512', content: hex(integrity.replace('sha512-', '')) }],
    licenses: licenses(license),
    purl: npmRef(name, version),
  })),
  ...native.map((source) => ({
    type: 'library',
    'bom-ref': nativeRef(source),
    name: source.name,
    version: source.version,
    scope: 'required',
    licenses: licenses(source.license),
    purl: nativeRef(source),
    externalReferences: source.archives.map(({ how, sha256, where }) => ({
      type: 'source-distribution',
      url: how === 'url' ? where : `https://deb.debian.org/debian/#${where}`,
      hashes: [{ alg: 'SHA-256', content: sha256 }],
    })),
  })),
];
const known = new Set(components.map((component) => component['bom-ref']));
const dependsOn = ({ dependencies = {}, optionalDependencies = {} }) =>
  Object.keys({ ...dependencies, ...optionalDependencies })
    .map((name) => refOf.get(name))
    .filter((ref) => ref !== undefined && known.has(ref))
    .sort();
const tunnel = '@mixweb/mix-tunnel';
const inTunnel = [...MODULES.map((name) => refOf.get(name)), ...native.map(nativeRef)];
const bom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: {
    component: {
      type: 'application',
      'bom-ref': 'mixweb',
      name: 'mixweb',
      version: ours[0].version,
    },
  },
  components,
  dependencies: [
    { ref: 'mixweb', dependsOn: ours.map(({ name }) => refOf.get(name)) },
    ...ours.map((manifest) => ({
      ref: refOf.get(manifest.name),
      dependsOn: [...dependsOn(manifest), ...(manifest.name === tunnel ? inTunnel : [])],
    })),
    ...fromNpm.map((entry) => ({
      ref: npmRef(entry.name, entry.version),
      dependsOn: dependsOn(entry),
    })),
    ...native.map((source) => ({ ref: nativeRef(source), dependsOn: [] })),
  ],
};

const refs = bom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
const lost = refs.filter((ref) => ref !== 'mixweb' && !known.has(ref));
if (known.size !== components.length || lost.length > 0) {
  throw new Error(`sbom: a component twice, or references to nothing: ${lost.join(', ')}`);
}
const target = process.argv[2] ?? join(root, 'build/sbom.cdx.json');
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `${JSON.stringify(bom, null, 2)}\n`);
console.log(`sbom: ${components.length} components, ${target}`);
