// Holds our WebSocket against Autobahn's fuzzing server (PyPI autobahntestsuite, Python 2.7).
//   node tools/autobahn.mjs [--localnet] [--cases 1.*,2.*] [--wstest PATH]
// Natively over plain TCP all cases; with --localnet sections 1-7 by MixWebSocket in Node through a
// local mixnet. Sets the suite up in .deps/autobahn when it finds a Python 2.7. Ends with
// `N passed, N failed`; failed is natively also what is merely non-strict. Report: build/results/autobahn*/.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { freePort, runProcess } from '../packages/testing/src/process.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const VERSION = '25.10.1';
const VIRTUALENV = '20.15.1'; // the last for Python 2.7
const AGENT = 'mixweb';
/** What the suite calls a pass; `INFORMATIONAL` cases have no right answer. */
const GOOD = ['OK', 'INFORMATIONAL'];
/** A page hears of a fault before its answer to an earlier message can arrive. */
const GOOD_FROM_AFAR = [...GOOD, 'NON-STRICT'];

function must(command, args, env = {}) {
  const done = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
}

/** As `must`, while this process goes on reading what the server says. */
async function mustBeside(command, args) {
  const [code] = await once(spawn(command, args, { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error(`${command} failed`);
}

function findPython2() {
  const pyenv = join(homedir(), '.pyenv/versions');
  const versions = existsSync(pyenv) ? readdirSync(pyenv) : [];
  const candidates = [
    ...versions
      .filter((name) => name.startsWith('2.7'))
      .map((name) => join(pyenv, name, 'bin/python')),
    'python2.7',
    'pypy',
  ];
  return candidates.find((command) => spawnSync(command, ['--version']).status === 0);
}

/** The suite's program, installed if need be. */
function suite(given) {
  if (given) return given;
  const folder = join(root, '.deps/autobahn');
  const program = join(folder, 'venv/bin/wstest');
  if (existsSync(program)) return program;
  const python = findPython2();
  if (!python) throw new Error('no Python 2.7 found; give --wstest PATH');
  mkdirSync(folder, { recursive: true });
  const tool = join(folder, 'virtualenv');
  must(python, ['-m', 'pip', 'install', '-q', '--target', tool, `virtualenv==${VIRTUALENV}`]);
  must(python, ['-m', 'virtualenv', '-q', join(folder, 'venv')], { PYTHONPATH: tool });
  must(join(folder, 'venv/bin/pip'), ['install', '-q', `autobahntestsuite==${VERSION}`]);
  return program;
}

/** One connection that echoes all it gets; resolves with the last message once it is closed. */
function echo(MixWebSocket, url) {
  return new Promise((resolve) => {
    const socket = new MixWebSocket(url);
    let last;
    socket.onmessage = ({ data }) => {
      last = data;
      void socket.send(data).catch(() => undefined);
    };
    socket.onclose = () => resolve(last);
  });
}

async function throughLocalnet(port) {
  const address = '198.60.22.44';
  const { startLocalnet } = await import('@mixweb/testing');
  const { MixWebSocket, setupMixTunnel, disconnectMixTunnel } =
    await import('@mixweb/mix-websocket');
  const localnet = await startLocalnet(['--map', `${address}:${port}=127.0.0.1:${port}`]);
  try {
    await setupMixTunnel({
      nymApiUrl: localnet.directory,
      forceTls: false,
      disablePoissonTraffic: true,
      disableCoverTraffic: true,
    });
    const base = `ws://${address}:${port}`; // the server compares its port with the Host header
    const count = Number(await echo(MixWebSocket, `${base}/getCaseCount`));
    if (!(count > 0)) throw new Error('the fuzzing server does not answer');
    for (let i = 1; i <= count; i++) {
      await echo(MixWebSocket, `${base}/runCase?case=${i}&agent=${AGENT}`);
      if (i % 50 === 0) console.log(`${i} of ${count} cases`);
    }
    // The last verdict is due when the server has seen the connection's end.
    await echo(MixWebSocket, `${base}/getCaseStatus?case=${count}&agent=${AGENT}`);
    await echo(MixWebSocket, `${base}/updateReports?agent=${AGENT}`);
    await disconnectMixTunnel();
  } finally {
    await localnet.stop();
  }
}

const { values } = parseArgs({
  options: {
    localnet: { type: 'boolean', default: false },
    cases: { type: 'string' },
    wstest: { type: 'string' },
  },
});
const cases =
  values.cases?.split(',') ??
  (values.localnet ? [1, 2, 3, 4, 5, 6, 7].map((n) => `${n}.*`) : ['*']);

const wstest = suite(values.wstest);
const results = join(root, 'build/results', values.localnet ? 'autobahn-localnet' : 'autobahn');
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const port = await freePort();
const spec = join(results, 'spec.json');
writeFileSync(
  spec,
  JSON.stringify({
    url: `ws://127.0.0.1:${port}`,
    outdir: results,
    cases,
    'exclude-cases': [],
    'exclude-agent-cases': {},
  }),
);
const server = await runProcess(
  wstest,
  ['-m', 'fuzzingserver', '-s', spec],
  (output) => /Ok, will run (\d+) test cases/.exec(output)?.[1],
  { timeoutMs: 60_000, env: { PYTHONUNBUFFERED: '1' } },
);
console.log(`${server.value} cases`);
try {
  if (values.localnet) await throughLocalnet(port);
  else
    await mustBeside(
      join(root, 'build/native-release/tests/websocket/autobahn/mix-autobahn-client'),
      [String(port)],
    );
} finally {
  await server.stop();
}

const good = values.localnet ? GOOD_FROM_AFAR : GOOD;
const verdicts = Object.entries(
  JSON.parse(readFileSync(join(results, 'index.json'), 'utf8'))[AGENT],
);
const bad = verdicts.filter(
  ([, { behavior, behaviorClose }]) => !good.includes(behavior) || !good.includes(behaviorClose),
);
for (const [id, { behavior, behaviorClose }] of bad) {
  console.log(`case ${id}: ${behavior}, closing ${behaviorClose}`);
}
const missing = Number(server.value) - verdicts.length;
console.log(`${verdicts.length - bad.length} passed, ${bad.length + missing} failed`);
process.exitCode = bad.length + missing > 0 ? 1 : 0;
