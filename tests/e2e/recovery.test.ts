// Real processes that fail while a tunnel is in use: gateways cut and killed, exits killed and
// frozen, keys that rotate, SURBs that run out.
import { createHash } from 'node:crypto';

import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelInfo,
  getTunnelState,
  onTunnelState,
  setupMixTunnel,
  switchExit,
  tunnelEvents,
  type SetupMixTunnelOpts,
  type TunnelStateEvent,
} from '@mixweb/mix-tunnel';
import { adminOf, startInternet, UNSHAPED } from '@mixweb/testing';
import { pageBytes } from '@mixweb/testing/origin';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const pageUrl = (size: number): string => `https://origin.example/page-${size}.html`;

type Internet = Awaited<ReturnType<typeof startInternet>>;
interface NodeName {
  id: number;
  identity: string;
}

let internet: Internet;
let admin: ReturnType<typeof adminOf>;
const restores: (() => Promise<unknown>)[] = [];

const options = (extra: SetupMixTunnelOpts = {}): SetupMixTunnelOpts => ({
  ...internet.tunnel,
  ...UNSHAPED,
  ...extra,
});

/** An action on a node that is undone after the test. */
async function fault(node: NodeName, action: string, undo: string, body = {}): Promise<void> {
  await admin.act(node.id, action, body);
  restores.push(() => admin.act(node.id, undo, undo === action ? { on: false } : {}));
}

const nodes = (): NodeName[] => [
  ...(internet.localnet.entries as NodeName[]),
  ...(internet.localnet.exits as NodeName[]),
];
const nodeOf = (identity: string): NodeName => {
  const node = nodes().find((candidate) => candidate.identity === identity);
  if (node === undefined) throw new Error(`no node ${identity}`);
  return node;
};
const entryInUse = async (): Promise<NodeName> => nodeOf((await getTunnelInfo()).gateway);
const exitInUse = async (): Promise<NodeName> =>
  nodeOf((await getTunnelInfo()).exit.split('@')[1] ?? '');

/** Resolves with the first event that fits, from now on. */
function event(fits: (event: TunnelStateEvent) => boolean): Promise<TunnelStateEvent> {
  return new Promise((resolve) => {
    const stop = onTunnelState((news) => {
      if (!fits(news)) return;
      stop();
      resolve(news);
    });
  });
}

async function expectPage(size = 1024): Promise<void> {
  const response = await mixFetch(pageUrl(size));
  const body = new Uint8Array(await response.arrayBuffer());
  expect(sha256(body)).toBe(sha256(pageBytes(size)));
}

afterEach(async () => {
  await disconnectMixTunnel();
  for (const restore of restores.splice(0)) await restore();
});

describe('a network of two entries and two exits', () => {
  beforeAll(async () => {
    internet = await startInternet({
      localnet: ['--gateways', '2', '--exits', '2', '--exits-without-entry'],
    });
    admin = adminOf(internet.localnet);
  });
  afterAll(async () => {
    await internet.stop();
  });

  it('carries a download through a gateway that is cut again and again', async () => {
    await setupMixTunnel(options());
    const { address } = await getTunnelInfo();
    const entry = await entryInUse();
    const response = await mixFetch(pageUrl(MIB));
    const reader = response.body?.getReader();
    if (!reader) throw new Error('no body');
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let cuts = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.byteLength;
      if (bytes < (cuts + 1) * (MIB / 8)) continue;
      cuts++;
      const back = event(({ state }) => state === 'ready');
      await admin.act(entry.id, 'cut');
      await back; // how soon is held in virtual time, in tests/sim
    }
    expect(cuts).toBeGreaterThanOrEqual(7);
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(pageBytes(MIB)));
    expect((await getTunnelInfo()).address).toBe(address);
  });

  it('replaces an entry that was killed', async () => {
    await setupMixTunnel(options());
    const entry = await entryInUse();
    const lost = event(({ state }) => state === 'connecting');
    const back = event(({ state }) => state === 'ready');
    await fault(entry, 'kill', 'restart');
    expect(await lost).toMatchObject({ step: 'gateway', attempt: 1 });
    await back;
    expect((await entryInUse()).id).not.toBe(entry.id);
    await expectPage();
  }, 90_000);

  it.each([
    ['killed', 'kill', 'restart'],
    ['frozen', 'freeze', 'freeze'],
    ['left without SURBs', 'starve', 'starve'],
  ])(
    'replaces an exit that was %s',
    async (_, action, undo) => {
      await setupMixTunnel(options());
      const exit = await exitInUse();
      const changes: unknown[] = [];
      const note = (change: Event): void => void changes.push(change.type);
      tunnelEvents.addEventListener('exitchange', note);
      const lost = event(({ state }) => state === 'connecting');
      const back = event(({ state }) => state === 'ready');
      await fault(exit, action, undo);
      const broken = mixFetch(pageUrl(1024), { headersTimeout: 60_000 }).catch(
        (error: unknown) => error,
      );
      expect(await lost).toMatchObject({ step: 'exit', attempt: 1, error: { code: 'EXIT_LOST' } });
      await back;
      await broken;
      // A loaded machine may be silent for so long that the other exit is doubted too.
      await expectPage();
      expect((await exitInUse()).id).not.toBe(exit.id);
      expect(changes).toContain('exitchange');
      tunnelEvents.removeEventListener('exitchange', note);
    },
    90_000,
  );

  it('fails with exit_lost when the caller insisted on the exit', async () => {
    const [exit] = internet.localnet.exits as (NodeName & { ipr: string })[];
    if (exit === undefined) throw new Error('no exit');
    await setupMixTunnel(options({ preferredIpr: exit.ipr, connectTimeoutMs: 5_000 }));
    const failed = event(({ state }) => state === 'failed');
    await fault(exit, 'freeze', 'freeze');
    await Promise.all([failed, mixFetch(pageUrl(1024)).catch(() => undefined)]);
    expect(await getTunnelState()).toMatchObject({
      state: 'failed',
      reason: { kind: 'exit_lost' },
    });
  }, 90_000);

  it('switches exits on demand', async () => {
    await setupMixTunnel(options());
    await expectPage();
    const first = await getTunnelInfo();
    await switchExit();
    const second = await getTunnelInfo();
    expect(second.exit).not.toBe(first.exit);
    await expectPage();
    await switchExit(first.exit);
    expect((await getTunnelInfo()).exit).toBe(first.exit);
    await expectPage();
    await expect(switchExit('nonsense')).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('registers anew at a gateway that forgot it', async () => {
    await setupMixTunnel(options());
    await expectPage();
    const entry = await entryInUse();
    await admin.act(entry.id, 'forget-clients');
    const back = event(({ state }) => state === 'ready');
    await admin.act(entry.id, 'cut');
    await back;
    await expectPage();
  });
});

describe('a network whose keys rotate every twelve seconds', () => {
  beforeAll(async () => {
    internet = await startInternet({
      localnet: ['--epoch-seconds', '6', '--rotation-epochs', '2', '--mixes-per-layer', '2'],
    });
    admin = adminOf(internet.localnet);
  });
  afterAll(async () => {
    await internet.stop();
  });

  it('fails no request', async () => {
    await setupMixTunnel(options());
    const before = (await admin.stats()) as { rotation: number };
    let { rotation } = before;
    // However long both take, within the time limit of the test.
    for (let fetched = 0; fetched < 10 || rotation < before.rotation + 3; fetched++) {
      await expectPage();
      ({ rotation } = (await admin.stats()) as { rotation: number });
    }
    expect(await getTunnelState()).toEqual({ state: 'ready' });
  }, 120_000);
});
