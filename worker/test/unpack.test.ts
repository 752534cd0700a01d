// The inlined module's text, as tools/build-packages.mjs makes it.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

import { expect, it } from 'vitest';

import { unpackModule } from '../src/unpack.ts';

// Half of it is random, so that packed it is longer than what is unpacked at a time.
const module = Buffer.concat([randomBytes(200_000), Buffer.alloc(200_000, 'module')]);
const xz = spawnSync('xz', ['--format=xz', '--check=crc32', '--stdout'], { input: module }).stdout;

it('gives back what was packed', async () => {
  const unpacked = await unpackModule(xz.toString('base64'));
  expect(Buffer.from(unpacked).equals(module)).toBe(true);
});

it.each([0, 1000, 150_000])('notices damage at byte %i', async (at) => {
  const damaged = Buffer.from(xz);
  damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
  await expect(unpackModule(damaged.toString('base64'))).rejects.toThrow();
});

it('notices that the end is missing', async () => {
  await expect(unpackModule(xz.subarray(0, -100).toString('base64'))).rejects.toThrow();
});
