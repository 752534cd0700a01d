// The programs as they are started from a terminal: mix-curl, mix-proxy and the demo.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ADDRESSES, startInternet, temporaryFolder } from '@mixweb/testing';
import { pageBytes } from '@mixweb/testing/origin';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = 'https://origin.example/page-1024.html';
const ECHO = 'https://origin.example/echo';

let internet: Awaited<ReturnType<typeof startInternet>>;
const folder = temporaryFolder('programs');
const roots = join(folder.path, 'roots.pem');

beforeAll(async () => {
  internet = await startInternet();
  writeFileSync(roots, internet.authority.pem);
});
afterAll(async () => {
  await internet.stop();
  folder.dispose();
});

const tunnelFlags = (): string[] => ['--directory', internet.directory, '--cacert', roots];

describe('mix-curl', () => {
  const curl = (...flags: string[]): Promise<{ stdout: string; stderr: string }> =>
    run(
      process.execPath,
      [join(root, 'packages/mix-curl/src/mix-curl.mjs'), ...tunnelFlags(), ...flags],
      { cwd: folder.path },
    );

  it('prints the body, and -i the head', async () => {
    const { stdout } = await curl('-i', PAGE);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(stdout).toMatch(/content-type: text\/html\r\n/);
    expect(stdout.endsWith(pageBytes(1024).toString())).toBe(true);
  });

  it('-I prints the head only', async () => {
    const { stdout } = await curl('-I', PAGE);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 1024\r\n[^]*\r\n\r\n$/);
  });

  it('-O writes a file, and says nothing', async () => {
    expect(await curl('-O', PAGE)).toEqual({ stdout: '', stderr: '' });
    expect(readFileSync(join(folder.path, 'page-1024.html'))).toEqual(Buffer.from(pageBytes(1024)));
  });

  it('posts what -d says, in the order given', async () => {
    writeFileSync(join(folder.path, 'lines.txt'), 'two\nlines\n');
    const { stdout } = await curl('-i', '-d', 'a=1', '--data-binary', '@lines.txt', ECHO);
    expect(stdout).toMatch(/\r\n\r\na=1&two\nlines\n$/);
  });

  it('puts data into the URL with -G, and tells of it with -D and -w', async () => {
    const format = '%{http_code} %{size_download} %{url_effective} %{exitcode}\\n';
    const what = ['-G', '--data-urlencode', 'q=a b', '-d', 'c=1', '-D', 'head.txt'];
    const { stdout } = await curl(...what, '-o', 'body.txt', '-w', format, ECHO);
    expect(stdout).toBe(`200 0 ${ECHO}?q=a%20b&c=1 0\n`);
    expect(readFileSync(join(folder.path, 'head.txt'), 'utf8')).toMatch(/x-method: GET\r\n/);
  });

  it('uploads a file with -T', async () => {
    writeFileSync(join(folder.path, 'up.bin'), 'up and away');
    const { stdout } = await curl('-T', 'up.bin', '-i', ECHO);
    expect(stdout).toMatch(/x-method: PUT\r\n[^]*\r\n\r\nup and away$/);
  });

  it('follows redirects only when told to', async () => {
    const moved = `${ECHO}?to=${encodeURIComponent(PAGE)}`;
    expect((await curl('-i', moved)).stdout).toMatch(/^HTTP\/1\.1 302 /);
    expect((await curl('-L', moved)).stdout).toBe(pageBytes(1024).toString());
  });

  it.each<[number, string[], RegExp]>([
    [2, [], /exactly one URL/],
    [2, ['-H', 'no colon', PAGE], /not a header/],
    [2, ['-k', PAGE], /certificates are always checked/],
    [6, ['-sS', 'https://nowhere.example/'], /DNS_NOT_FOUND/],
    [6, ['-s', 'https://nowhere.example/'], /^$/],
    [22, ['-f', `${ECHO}/status/404`], /answered 404/],
    [23, ['-o', 'no-folder/x', PAGE], /no-folder/],
    [26, ['-d', '@absent.txt', ECHO], /absent\.txt/],
    [77, ['--cacert', 'absent.pem', PAGE], /absent\.pem/],
    [97, ['--directory', 'http://127.0.0.1:1/', PAGE], /./],
    [47, ['-L', `${ECHO}?to=${encodeURIComponent('ftp://origin.example/')}`], /./],
  ])('ends with %i after %j', async (code, flags, told) => {
    await expect(curl(...flags)).rejects.toMatchObject({
      code,
      stderr: expect.stringMatching(told) as string,
    });
  });
});

describe('mix-proxy', () => {
  let proxy: ChildProcess;
  let address: string;

  beforeAll(async () => {
    const program = join(root, 'packages/mix-proxy/src/mix-proxy.mjs');
    proxy = spawn(process.execPath, [program, '--port', '0', ...tunnelFlags()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (!proxy.stdout) throw new Error('no pipe');
    const [line] = (await once(createInterface(proxy.stdout), 'line')) as [string];
    address = /^SOCKS5 and HTTP proxy at (127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? '';
  });
  afterAll(async () => {
    proxy.kill('SIGTERM');
    if (proxy.exitCode === null) await once(proxy, 'exit');
    expect(proxy.exitCode).toBe(0);
  });

  it.each(['socks5h', 'http'])('serves curl as a %s proxy', async (kind) => {
    const through = ['-sS', '--cacert', roots, '--proxy', `${kind}://${address}`];
    expect((await run('curl', [...through, PAGE])).stdout).toBe(pageBytes(1024).toString());
    const plain = PAGE.replace('https:', 'http:');
    expect((await run('curl', [...through, plain])).stdout).toBe(pageBytes(1024).toString());
    for (const line of internet.origin.requests()) expect(line).toContain(ADDRESSES.exit);
  });

  it('tells curl which names do not exist', async () => {
    const through = ['-sS', '--proxy', `socks5h://${address}`];
    await expect(run('curl', [...through, 'http://nowhere.example/'])).rejects.toMatchObject({
      stderr: expect.stringMatching(/nowhere\.example.*\(4\)/) as string,
    });
  });
});

describe('the demo', () => {
  it('fetches its page once', async () => {
    const { stdout } = await run(process.execPath, [join(root, 'tools/start.mjs'), '--once']);
    expect(stdout).toMatch(/status +200 OK/);
    expect(stdout).toMatch(/bytes +1024/);
    expect(stdout).toMatch(/mix 1 → mix 2 → mix 3/);
    expect(stdout).toContain(`nginx saw  ${ADDRESSES.exit}`);
  });
});
