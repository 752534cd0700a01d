// The client's core over an in-memory packet device (bench/loopback): TCP and HTTP, with and without
// TLS 1.3, no mixnet. Natively, as wasm under Node, and in headless Chromium.
// The server's packets are made before the clock starts, so that the client's work alone is timed.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { temporaryFolder } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';

import { buildBench, root } from './build.mjs';

const BODY_BYTES = 16_000_000;
const SUITES = ['chacha20', 'aes128'];
const folderOf = (preset) => path.join(root, 'build', preset, 'bench/loopback');

/** MB/s in Chromium that issue 5 asks for. */
const GOALS = { http: 40, 'https chacha20': 20 };

/** MB/s of each kind, the best of the rounds. Runs in the page as it stands. */
async function measure(module, recordings, bodyBytes, rounds) {
  const best = {};
  for (const [kind, recording] of [['http', undefined], ...recordings]) {
    for (let round = 0; round < rounds; round++) {
      let got = 0;
      const take = (chunk) => (got += chunk.byteLength);
      const ms = recording ? module.https(recording, take) : module.http(bodyBytes, take);
      if (got !== bodyBytes) throw new Error(`${got} bytes instead of ${bodyBytes}`);
      best[kind] = Math.max(best[kind] ?? 0, bodyBytes / 1000 / ms);
    }
  }
  return best;
}

function natively(folder, rounds) {
  const run = (what) => {
    const args = [what, String(rounds)];
    return parseFloat(
      execFileSync(path.join(folderOf('native-release'), 'mix-loopback'), args)
        .toString()
        .trim()
        .split('\n')
        .at(-1),
    );
  };
  return Object.fromEntries([
    ['http', run(`http:${BODY_BYTES}`)],
    ...SUITES.map((suite) => [`https ${suite}`, run(path.join(folder, `${suite}.bin`))]),
  ]);
}

async function inNode(folder, rounds) {
  const script = path.join(folderOf('wasm-release'), 'mix_loopback.mjs');
  const { default: create } = await import(pathToFileURL(script).href);
  const recordings = SUITES.map((suite) => [
    `https ${suite}`,
    new Uint8Array(readFileSync(path.join(folder, `${suite}.bin`))),
  ]);
  return measure(await create({ print: () => undefined }), recordings, BODY_BYTES, rounds);
}

async function inChromium(folder, rounds) {
  const pages = await servePages({
    folders: { '/loopback/': folderOf('wasm-release'), '/recordings/': folder },
  });
  const browser = await launchBrowser('chromium');
  try {
    const page = await browser.open(pages.url('index'));
    return await page.evaluate(
      async (source, suites, bodyBytes, count) => {
        const { default: create } = await import('/loopback/mix_loopback.mjs');
        const recordings = [];
        for (const suite of suites) {
          const answer = await fetch(`/recordings/${suite}.bin`);
          recordings.push([`https ${suite}`, new Uint8Array(await answer.arrayBuffer())]);
        }
        const run = new Function(`return ${source}`)();
        return run(await create({ print: () => undefined }), recordings, bodyBytes, count);
      },
      measure.toString(),
      SUITES,
      BODY_BYTES,
      rounds,
    );
  } finally {
    await browser.close();
    await pages.stop();
  }
}

/** @param {{ rounds: number }} how */
export async function benchCore({ rounds }) {
  buildBench('native-release', 'mix-record-tls', 'mix-loopback');
  buildBench('wasm-release', 'mix_loopback');
  const folder = temporaryFolder('loopback');
  const results = {};
  try {
    for (const suite of SUITES) {
      const file = path.join(folder.path, `${suite}.bin`);
      const recorder = path.join(folderOf('native-release'), 'mix-record-tls');
      execFileSync(recorder, [suite, String(BODY_BYTES), file], { stdio: 'ignore' });
    }
    results.native = natively(folder.path, rounds);
    results.Node = await inNode(folder.path, rounds);
    results.Chromium = await inChromium(folder.path, rounds);
  } finally {
    folder.dispose();
  }
  const hosts = Object.keys(results);
  const rows = Object.keys(results.native).map((kind) => ({
    name: kind === 'http' ? 'TCP, HTTP' : `TCP, TLS 1.3, HTTP, ${kind.split(' ')[1]}`,
    values: Object.fromEntries(hosts.map((host) => [host, results[host][kind]])),
    ...(GOALS[kind] !== undefined && { goal: GOALS[kind] }),
  }));
  return [
    {
      kind: 'dots',
      title: 'The core without the mixnet',
      unit: 'MB/s',
      better: 'more',
      hosts,
      rows,
      note: `A download of ${BODY_BYTES / 1e6} MB over an in-memory packet device, the best of ${rounds}; the numbers are of Chromium.`,
    },
  ];
}
