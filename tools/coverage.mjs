// How much of each parser its unit tests and the fuzz corpus run through: a table of the share of
// lines. Builds the preset `coverage` (a third native build, so it is not part of every test run).
//   npm run coverage -- [--show] [parser ...]      --show: also the lines that never ran
// Exit code 1 when a parser is below 95 %.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(root, 'build/coverage');
const profiles = join(build, 'profiles');
const MIN_SHARE = 0.95;

/** What reads bytes of others, and where. */
const PARSERS = {
  'gateway frames': ['core/gateway/src/frames.cpp'],
  'gateway JSON': ['core/gateway/src/messages.cpp', 'core/json/include/mix/json/reader.h'],
  'gateway session': [
    'core/gateway/src/session.cpp',
    'core/gateway/src/handshake.cpp',
    'core/gateway/src/authentication.cpp',
  ],
  'Sphinx packets': [
    ...['unwrap', 'packet', 'header', 'surb', 'surb_ack', 'frame', 'address', 'expansion'].map(
      (name) => `core/sphinx/src/${name}.cpp`,
    ),
  ],
  fragments: ['core/mixnet/src/fragment.cpp', 'core/mixnet/src/reassembly.cpp'],
  'typed messages, SURB lists': [
    ...['typed_message', 'reply_surb', 'mix_packet', 'address', 'ack', 'padding'].map(
      (name) => `core/mixnet/src/${name}.cpp`,
    ),
  ],
  'IPR messages, frames, bundles': [
    ...['codec', 'messages', 'frame', 'bundle'].map((name) => `core/ipr/src/${name}.cpp`),
  ],
  'IP packets': ['core/net/src/ip_packet.cpp', 'core/net/src/segment_check.cpp'],
  DNS: ['message', 'name', 'record', 'stream_link'].map((name) => `core/dns/src/${name}.cpp`),
  certificates: [
    ...['certificate', 'verify', 'name_constraints', 'host', 'public_profile', 'trust'].map(
      (name) => `core/tls/src/${name}.cpp`,
    ),
  ],
  'HTTP/1.1': ['core/http/src/exchange.cpp', 'core/http/src/keep_alive.cpp'],
  'HTTP codings': ['core/http/src/decoding.cpp', 'core/http/src/inflaters.cpp'],
  'HTTP/2': ['core/http/src/http2.cpp', 'core/http/src/http2_exchange.cpp'],
  'URL, redirects': ['core/http/src/url.cpp', 'core/http/src/redirect.cpp'],
  WebSocket: [
    ...['frame', 'assembler', 'opening', 'connection', 'deflate', 'utf8', 'sha1'].map(
      (name) => `core/websocket/src/${name}.cpp`,
    ),
  ],
  'directory JSON': ['answers', 'text', 'semver'].map((name) => `core/directory/src/${name}.cpp`),
  'options, stored keys': [
    'core/tunnel/src/options.cpp',
    'core/tunnel/src/dns_server.cpp',
    'core/tunnel/src/key_store.cpp',
    'core/net/src/address.cpp',
  ],
  'local mixnet: gateway': ['localnet/src/gateway_core.cpp'],
  'local mixnet: node': ['localnet/src/node_core.cpp', 'localnet/src/replay_filter.cpp'],
  'local mixnet: exit': ['localnet/src/ip_router.cpp', 'localnet/src/ip_packet.cpp'],
  'local mixnet: TCP': ['localnet/src/tcp_segment.cpp', 'localnet/src/tcp_endpoint.cpp'],
};
/** Programs that run them. */
const TESTS = [
  ...['base', 'json', 'gateway', 'sphinx', 'mixnet', 'ipr', 'net', 'tls', 'http', 'dns'],
  ...['directory', 'websocket', 'tunnel', 'fuzz', 'localnet'],
].map((name) => `${name}_test`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { show: { type: 'boolean', default: false } },
});
for (const name of positionals) {
  if (!(name in PARSERS)) {
    console.error(`coverage: unknown parser ${name}; there are ${Object.keys(PARSERS).join(', ')}`);
    process.exit(2);
  }
}

function run(command, args, options = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    ...options,
  });
  if (done.status === 0) return done.stdout;
  process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`);
  console.error(`coverage: ${command} failed`);
  process.exit(1);
}

if (!existsSync(join(build, 'build.ninja'))) run('cmake', ['--preset', 'coverage']);
run('cmake', ['--build', '--preset', 'coverage', '--target', ...TESTS]);

rmSync(profiles, { recursive: true, force: true });
mkdirSync(profiles, { recursive: true });
const programs = TESTS.map((name) => {
  const folder = name === 'fuzz_test' ? 'fuzz' : `tests/${name.replace(/_test$/, '')}`;
  return join(build, folder, name);
});
for (const [at, program] of programs.entries()) {
  console.log(`coverage: ${TESTS[at]}`);
  const env = { ...process.env, LLVM_PROFILE_FILE: join(profiles, `${TESTS[at]}.profraw`) };
  run(program, ['--gtest_brief=1'], { env });
}
const merged = join(profiles, 'merged.profdata');
const raw = TESTS.map((name) => join(profiles, `${name}.profraw`));
run('llvm-profdata-19', ['merge', '-sparse', '-o', merged, ...raw]);
const [first, ...others] = programs;
const report = run('llvm-cov-19', [
  ...['export', '-format=lcov', `-instr-profile=${merged}`, first],
  ...others.map((program) => `-object=${program}`),
]);

/** Path in the repository -> line -> how often it ran. */
const lines = new Map();
for (const record of report.split('end_of_record')) {
  const [, path] = /^SF:(.+)$/m.exec(record) ?? [];
  if (path === undefined) continue;
  const counts = new Map();
  for (const [, line, count] of record.matchAll(/^DA:(\d+),(\d+)$/gm)) {
    counts.set(Number(line), Number(count));
  }
  lines.set(relative(root, path), counts);
}

let isBelow = false;
for (const name of positionals.length > 0 ? positionals : Object.keys(PARSERS)) {
  let total = 0;
  let ran = 0;
  const never = [];
  for (const path of PARSERS[name]) {
    const counts = lines.get(path);
    if (counts === undefined) {
      console.error(`coverage: no program has ${path}`);
      process.exit(1);
    }
    const text = readFileSync(join(root, path), 'utf8').split('\n');
    for (const [line, count] of counts) {
      total += 1;
      if (count > 0) ran += 1;
      else never.push(`    ${path}:${line}  ${text[line - 1]}`);
    }
  }
  const share = ran / total;
  if (share < MIN_SHARE) isBelow = true;
  const percent = `${(100 * share).toFixed(1)} %`.padStart(8);
  console.log(`${name.padEnd(32)} ${String(total).padStart(5)} lines ${percent}`);
  if (values.show) console.log(never.join('\n'));
}
process.exit(isBelow ? 1 : 0);
