// Keys kept between set-ups, in files by Node and in IndexedDB by Chromium.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  deleteStoredKeys,
  disconnectMixTunnel,
  selfAddress,
  setupMixTunnel,
  tunnelEvents,
  type SetupMixTunnelOpts,
  type TunnelWarning,
} from '@mixweb/mix-tunnel';
import { startLocalnet, temporaryFolder } from '@mixweb/testing';
import { launchBrowser, servePages } from '@mixweb/testing/browsers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { MixGlobal } from './support/mix-global.ts';

declare const mix: MixGlobal;

let localnet: Awaited<ReturnType<typeof startLocalnet>>;

beforeAll(async () => {
  localnet = await startLocalnet();
});
afterAll(async () => {
  await localnet.stop();
});

const network = (): SetupMixTunnelOpts => ({
  nymApiUrl: localnet.directory,
  forceTls: false,
  exit: false,
  disablePoissonTraffic: true,
  disableCoverTraffic: true,
});

/** How clients came in, over all gateways. */
async function gatewayCounts(): Promise<{ registrations: number; authentications: number }> {
  const stats = await (await fetch(`${localnet.admin}/stats`)).text();
  const sum = (name: string): number =>
    [...stats.matchAll(new RegExp(`"${name}":(\\d+)`, 'g'))].reduce((n, m) => n + Number(m[1]), 0);
  return { registrations: sum('registrations'), authentications: sum('authentications') };
}

describe('kept keys in Node', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  const warnings: TunnelWarning[] = [];
  const onWarning = (event: Event): void => {
    warnings.push((event as CustomEvent<TunnelWarning>).detail);
  };

  /** Sets up, returns the address, and ends the tunnel. */
  const addressWith = async (options: SetupMixTunnelOpts): Promise<string> => {
    await setupMixTunnel({ ...network(), storageDirectory: folder.path, ...options });
    const address = await selfAddress();
    await disconnectMixTunnel();
    return address;
  };
  const records = (): string[] => readdirSync(folder.path).map((name) => join(folder.path, name));
  const onlyRecord = (): string => {
    const [record, ...more] = records();
    expect(more).toEqual([]);
    return record as string;
  };

  beforeEach(() => {
    folder = temporaryFolder('keys');
    warnings.length = 0;
    tunnelEvents.addEventListener('warning', onWarning);
  });
  afterEach(async () => {
    await disconnectMixTunnel();
    tunnelEvents.removeEventListener('warning', onWarning);
    folder.dispose();
  });

  it('are not made without a client id or passphrase, or when told to be ephemeral', async () => {
    expect(await addressWith({})).not.toBe(await addressWith({}));
    await addressWith({ clientId: 'alice', ephemeral: true });
    expect(records()).toEqual([]);
  });

  it('give the same address to the same client id, and another to others', async () => {
    const alice = await addressWith({ clientId: 'alice' });
    expect(await addressWith({ clientId: 'alice' })).toBe(alice);
    expect(await addressWith({ clientId: '../bob/ñ' })).not.toBe(alice);
    expect(records()).toHaveLength(2);
    expect(statSync(records()[0] as string).mode & 0o777).toBe(0o600);
    expect(warnings).toEqual([]);
  });

  it('authenticate instead of registering', async () => {
    await addressWith({ clientId: 'alice' });
    const before = await gatewayCounts();
    await addressWith({ clientId: 'alice' });
    const after = await gatewayCounts();
    expect(after.registrations).toBe(before.registrations);
    expect(after.authentications).toBe(before.authentications + 1);
  });

  it('open with their passphrase only', async () => {
    const address = await addressWith({ storagePassphrase: 'correct horse' });
    expect(await addressWith({ storagePassphrase: 'correct horse' })).toBe(address);
    for (const wrong of [{ storagePassphrase: 'battery staple' }, { ephemeral: false }]) {
      await expect(addressWith(wrong)).rejects.toMatchObject({
        code: 'STORAGE',
        detail: 'storage_wrong_passphrase',
      });
    }
    expect(await addressWith({ storagePassphrase: 'correct horse' })).toBe(address);
  });

  it('are refused when damaged, until they are deleted', async () => {
    const address = await addressWith({ clientId: 'alice' });
    const record = onlyRecord();
    const bytes = readFileSync(record);
    for (const damaged of [bytes.subarray(0, 100), Buffer.alloc(bytes.length), Buffer.from('?')]) {
      writeFileSync(record, damaged);
      await expect(addressWith({ clientId: 'alice' })).rejects.toMatchObject({
        code: 'STORAGE',
        detail: 'storage_corrupt',
      });
    }
    await deleteStoredKeys({ clientId: 'alice', storageDirectory: folder.path });
    expect(records()).toEqual([]);
    await deleteStoredKeys({ clientId: 'alice', storageDirectory: folder.path });
    expect(await addressWith({ clientId: 'alice' })).not.toBe(address);
  });

  it('are done without, with a warning, where nothing can be stored', async () => {
    const occupied = join(folder.path, 'file');
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(occupied, '');
    const options = { clientId: 'alice', storageDirectory: join(occupied, 'keys') };
    expect(await addressWith(options)).not.toBe(await addressWith(options));
    expect(warnings.map(({ error }) => [error.code, error.detail])).toEqual([
      ['STORAGE', 'storage_failed'],
      ['STORAGE', 'storage_failed'],
    ]);
    expect(warnings[0]?.error.message).toMatch(/cannot be read/);
  });

  it.each([[''], ['x'.repeat(129)]])('refuse the client id %j', async (clientId) => {
    await expect(addressWith({ clientId })).rejects.toBeInstanceOf(RangeError);
    await expect(deleteStoredKeys({ clientId })).rejects.toBeInstanceOf(RangeError);
  });
});

describe('kept keys in Chromium', () => {
  it('survive a reload of the page, under a passphrase', async () => {
    const pages = await servePages();
    const browser = await launchBrowser('chromium');
    const page = await browser.open(pages.url('index'));
    const addressWith = (storagePassphrase: string): Promise<string> =>
      page.evaluate(
        async (options, passphrase) => {
          try {
            await mix.setupMixTunnel({ ...options, clientId: 'p', storagePassphrase: passphrase });
          } catch (error) {
            return (error as InstanceType<MixGlobal['MixError']>).detail ?? 'no detail';
          }
          const address = await mix.selfAddress();
          await mix.disconnectMixTunnel();
          return address;
        },
        network(),
        storagePassphrase,
      );
    const first = await addressWith('one');
    expect(first).toMatch(/@/);
    await page.reload();
    await page.waitForFunction(() => 'mix' in globalThis);
    expect(await addressWith('one')).toBe(first);
    expect(await addressWith('two')).toBe('storage_wrong_passphrase');
    await page.evaluate(() => mix.deleteStoredKeys({ clientId: 'p' }));
    const fresh = await addressWith('two');
    expect(fresh).toMatch(/@/);
    expect(fresh).not.toBe(first);
    await browser.close();
    await pages.stop();
  });
});
