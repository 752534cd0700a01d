// Asks every address on the command line through the mixnet, side by side, and prints a line for each.
//
//   node status.mjs URL...
//   MIX_DIRECTORY=http://127.0.0.1:8000/api node status.mjs URL...     in a local network
//   MIX_ROOTS=ca.pem ...                                               with a private authority
import { readFile } from 'node:fs/promises';

import { disconnectMixTunnel, mixFetch, setupMixTunnel } from '@mixweb/mix-fetch';

const TIMEOUT_MS = 120_000;

async function statusOf(url) {
  const start = performance.now();
  try {
    const response = await mixFetch(url, { method: 'HEAD', timeoutMs: TIMEOUT_MS });
    return `${response.status} ${url} ${Math.round(performance.now() - start)} ms`;
  } catch (error) {
    return `${error.code ?? error.name} ${url} ${error.message}`;
  }
}

const directory = process.env.MIX_DIRECTORY;
const roots = process.env.MIX_ROOTS;
await setupMixTunnel({
  // A local network's gateways have no certificates.
  ...(directory === undefined ? {} : { nymApiUrl: directory, forceTls: false }),
  ...(roots === undefined ? {} : { extraRoots: await readFile(roots, 'utf8') }),
});
try {
  for (const line of await Promise.all(process.argv.slice(2).map(statusOf))) console.log(line);
} finally {
  await disconnectMixTunnel();
}
