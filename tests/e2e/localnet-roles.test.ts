// A network whose roles are processes of their own on five hosts, and npm's command around the
// native program. Hosts are network namespaces where this machine lets us make them, and in any case
// addresses of loopback.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startLocalnet } from '@mixweb/mix-localnet';
import { freePort } from '@mixweb/testing';
import { describe, expect, it } from 'vitest';

import { canUseNamespaces } from '../../tools/several-hosts.mjs';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
/** Stands for the server; nothing is ever sent to it. */
const PUBLIC_ADDRESS = '198.60.22.10';
/** Inside the namespaces every port is free. */
const NAMESPACE_PORT = 8080;

const kinds = canUseNamespaces()
  ? (['addresses', 'namespaces'] as const)
  : (['addresses'] as const);

describe('a network on five hosts', () => {
  it.each(kinds)('carries a request, whose server sees the fifth host (%s)', async (kind) => {
    const port = kind === 'namespaces' ? NAMESPACE_PORT : await freePort();
    const { stdout } = await run(
      process.execPath,
      [
        join(root, 'tools/several-hosts.mjs'),
        `--${kind}`,
        '--map',
        `${PUBLIC_ADDRESS}:80=CLIENT:${port}`,
        '--',
        process.execPath,
        join(root, 'tests/e2e/support/ask-through-hosts.mjs'),
        String(port),
        PUBLIC_ADDRESS,
      ],
      { cwd: root },
    );
    const seen = JSON.parse(stdout) as Record<
      'path' | 'saw' | 'wanted' | 'gateway' | 'exit',
      string
    >;
    expect(seen.path).toBe('/several');
    expect(seen.saw).toBe(seen.wanted);
    expect(seen.exit.endsWith(`@${seen.gateway}`)).toBe(false);
  });
});

describe('mix-localnet as a command of npm', () => {
  const program = join(root, 'packages/mix-localnet/src/mix-localnet.mjs');

  it('runs a command inside a network and ends with its exit code', async () => {
    const asking =
      'const { entries } = await (await fetch(process.env.MIX_LOCALNET_ADMIN + "/network")).json();' +
      'console.log(process.env.MIX_DIRECTORY, entries.length); process.exit(7);';
    const command = [
      '--gateways',
      '2',
      '--',
      process.execPath,
      '--input-type=module',
      '-e',
      asking,
    ];
    const ended = run(process.execPath, [program, ...command]);
    await expect(ended).rejects.toMatchObject({
      code: 7,
      stdout: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/api 4\n$/),
    });
  });

  it('says what is wrong with its options', async () => {
    const ended = run(process.execPath, [program, '--role', 'mix', '--layer', '1']);
    await expect(ended).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--role mix needs --directory'),
    });
  });

  it('is started and stopped by a test suite', async () => {
    const localnet = await startLocalnet({ args: ['--exits', '1'] });
    expect(localnet.exits).toHaveLength(1);
    expect(localnet.tunnel).toEqual({ nymApiUrl: localnet.directory, forceTls: false });
    const metrics = await (await fetch(localnet.metrics)).text();
    expect(metrics).toMatch(/^mix_node_up\{node="1",role="entry",identity="\w+"\} 1$/m);
    await localnet.stop();
    await expect(fetch(localnet.metrics)).rejects.toThrow();
  });
});
