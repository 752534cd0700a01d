// The demo: local mixnet, nginx with a throw-away CA, and the playground page.
//   npm start                 fetches the local page once from Node, then serves the playground
//   npm start -- https://…    fetches that URL instead (through the live network: --live)
// Options: --live (the live directory), --once (fetch and end), --port N (of the playground)
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ADDRESSES, startInternet } from '@mixweb/testing';
import { serveFiles } from '@mixweb/testing/serve-files';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    live: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
  },
});
/** Serves the examples and the built packages; answers /config.json for their pages. */
const serveExamples = (config) =>
  serveFiles({
    folders: {
      '/packages/': join(root, 'packages'),
      '/examples/': join(root, 'examples'),
      '/': join(root, 'examples/playground'),
    },
    texts: { '/config.json': JSON.stringify(config) },
    headers: () => ({ 'Cache-Control': 'no-cache' }),
    port: Number(flags.port),
  });

/** One fetch from Node through the mixnet, told step by step. */
async function fetchOnce(url, options) {
  const { mixFetch } = await import('@mixweb/mix-fetch');
  const { disconnectMixTunnel, getTunnelInfo, setupMixTunnel } = await import('@mixweb/mix-tunnel');
  const begun = performance.now();
  await setupMixTunnel(options);
  const ready = performance.now();
  const info = await getTunnelInfo();
  const response = await mixFetch(url);
  const body = await response.arrayBuffer();
  const done = performance.now();
  await disconnectMixTunnel();
  const ms = (duration) => `${Math.round(duration)} ms`;
  console.log(`
  tunnel     ready in ${ms(ready - begun)}
  hops       you → entry gateway ${info.gateway.slice(0, 8)}… → mix 1 → mix 2 → mix 3
             → exit ${info.exit.split('@')[1]?.slice(0, 8)}… → ${new URL(url).host}
  fetched    ${url}
  status     ${response.status} ${response.statusText}
  bytes      ${body.byteLength}
  time       ${ms(done - ready)} for name, TCP, TLS and HTTP through the mixnet
`);
  return response.ok;
}

if (flags.live) {
  const [url = 'https://example.com/'] = positionals;
  process.exit((await fetchOnce(url, {})) ? 0 : 1);
}

console.log('starting the local internet: mixnet, name server, nginx …');
const [url = 'https://origin.example/page-1024.html'] = positionals;
const foreign = new URL(url).hostname !== 'origin.example';
const internet = await startInternet({ open: foreign });
const options = internet.tunnel;
console.log(`directory  ${internet.directory}`);
console.log(
  `nginx      https://127.0.0.1:${internet.origin.httpsPort} (behind ${ADDRESSES.origin4})`,
);

let code = 0;
try {
  if (!(await fetchOnce(url, options))) code = 1;
} catch (error) {
  console.error(`\n  ${error.message}${error.code ? ` (${error.code})` : ''}\n`);
  code = 1;
}
const lastLine = internet.origin.requests().at(-1);
if (lastLine)
  console.log(`  nginx saw  ${lastLine.split(' ')[0]}, the exit's address, not yours\n`);

if (flags.once) {
  await internet.stop();
  process.exit(code);
}
const site = await serveExamples({
  options,
  url,
  socket: 'wss://sockets.example/echo',
  direct: `http://127.0.0.1:${internet.origin.httpPort}/page-1024.html`,
  download: 'https://origin.example/page-1048576.html',
});
console.log(`playground ${site.origin}/`);
console.log(`more       ${site.origin}/examples/dns-lookup/, ${site.origin}/examples/web-socket/`);
console.log('           (Ctrl-C ends everything)');
const stop = async () => {
  await site.stop();
  await internet.stop();
  process.exit(code);
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
