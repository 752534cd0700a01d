// A network of five hosts, each role a process with an address of its own, and a command that uses
// it: the recipe of docs/localnet.md, carried out on one machine.
//
//   node tools/several-hosts.mjs [--namespaces | --addresses] [--map A=B]... -- COMMAND...
//
// --namespaces  five network namespaces on a bridge, made inside a namespace of our own, so that
//               nothing of the machine changes and nothing remains. Needs the right to make them.
// --addresses   five addresses of loopback
//
// COMMAND runs on a sixth host, whose address is in MIX_CLIENT_ADDRESS; MIX_DIRECTORY is the
// directory's URL and MIX_EXIT_ADDRESS what servers see. CLIENT in a map becomes its address.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { findProgram } from '../packages/mix-localnet/src/find-program.mjs';
import { announced } from '../packages/mix-localnet/src/localnet.mjs';
import { runProcess } from '../packages/mix-localnet/src/process.mjs';

const INSIDE = 'MIX_SEVERAL_HOSTS_INSIDE';
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const HOSTS = [1, 2, 3, 4, 5];

/** Directory and entry share the first host, the mixes have one each, the exit is the last. */
const ROLES = [
  { host: 1, role: 'directory', args: ['--port', '0'] },
  { host: 1, role: 'gateway', args: ['--ws-port', '0'] },
  { host: 2, role: 'mix', args: ['--layer', '1'] },
  { host: 3, role: 'mix', args: ['--layer', '2'] },
  { host: 4, role: 'mix', args: ['--layer', '3'] },
  // The only one: a client that drew it as its entry would have no exit left.
  { host: 5, role: 'exit', args: ['--exits-without-entry'] },
];

function ip(...args) {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

/** Commands in front of ours that give it a network and a /run of its own. */
function unsharing() {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...user, '--net', '--mount', '--propagation', 'private'];
}

/** May this process make network namespaces? */
export function canUseNamespaces() {
  const script = 'mount -t tmpfs none /run && ip netns add a && ip netns exec a true';
  const [command, ...args] = [...unsharing(), 'sh', '-c', script];
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Six hosts on one bridge; the sixth is this namespace. */
function makeNamespaces() {
  const made = spawnSync('mount', ['-t', 'tmpfs', 'none', '/run']);
  if (made.status !== 0) throw new Error('cannot mount a /run of our own');
  ip('link', 'set', 'lo', 'up');
  ip('link', 'add', 'lan', 'type', 'bridge');
  ip('address', 'add', '10.77.0.254/24', 'dev', 'lan');
  ip('link', 'set', 'lan', 'up');
  for (const host of HOSTS) {
    const name = `host${host}`;
    ip('netns', 'add', name);
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', name, 'master', 'lan', 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'address', 'add', `10.77.0.${host}/24`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
  }
}

const NAMESPACES = {
  client: '10.77.0.254',
  address: (host) => `10.77.0.${host}`,
  prefix: (host) => ['ip', 'netns', 'exec', `host${host}`],
};
const ADDRESSES = {
  client: '127.0.77.254',
  address: (host) => `127.0.77.${host}`,
  prefix: () => [],
};

/** Starts every role; resolves with the directory's URL when all nodes know of one another. */
async function startRoles(place, maps, running) {
  const program = findProgram();
  let directory;
  for (const { host, role, args } of ROLES) {
    const address = place.address(host);
    const flags = ['--json', '--exit-with-stdin', '--role', role, '--address', address, ...args];
    if (role !== 'directory') flags.push('--directory', directory, '--mix-port', '0');
    if (role === 'exit') {
      flags.push('--outbound', address, ...maps.flatMap((map) => ['--map', map]));
    }
    const [command, ...rest] = [...place.prefix(host), program, ...flags];
    const child = await runProcess(command, rest, announced, {
      timeoutMs: READY_TIMEOUT_MS,
      stdin: 'pipe',
    });
    running.push(child);
    directory ??= child.value.directory;
  }
  const nodes = ROLES.length - 1;
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const response = await fetch(`${directory}/localnet/nodes`);
    const state = await response.json();
    if (state.nodes === nodes && state.behind === 0 && state.routable) return directory;
    if (performance.now() > deadline) throw new Error(`not ready: ${JSON.stringify(state)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function runCommand([command, ...args], env) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function main() {
  const separator = process.argv.indexOf('--');
  if (separator === -1) throw new Error('a command is missing: -- COMMAND');
  const command = process.argv.slice(separator + 1);
  const { values } = parseArgs({
    args: process.argv.slice(2, separator),
    options: {
      namespaces: { type: 'boolean' },
      addresses: { type: 'boolean' },
      map: { type: 'string', multiple: true, default: [] },
    },
  });
  const useNamespaces = values.namespaces ?? (!values.addresses && canUseNamespaces());
  if (useNamespaces && !process.env[INSIDE]) {
    const self = [process.execPath, ...process.argv.slice(1)];
    return runCommand([...unsharing(), ...self], { [INSIDE]: '1' });
  }
  if (useNamespaces) makeNamespaces();
  const place = useNamespaces ? NAMESPACES : ADDRESSES;
  const maps = values.map.map((map) => map.replaceAll('CLIENT', place.client));
  const running = [];
  try {
    const directory = await startRoles(place, maps, running);
    return await runCommand(command, {
      MIX_DIRECTORY: directory,
      MIX_CLIENT_ADDRESS: place.client,
      MIX_EXIT_ADDRESS: place.address(HOSTS.length),
    });
  } finally {
    await Promise.all(running.map((child) => child.stop()));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
