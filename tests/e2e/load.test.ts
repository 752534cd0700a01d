// Many clients at once on one local mixnet: each sets up, fetches, talks and leaves; the nodes keep
// nothing of them. MIX_LOAD_CLIENTS: how many; docs/reliability.md tells of 200.
import { adminOf, startInternet, UNSHAPED } from '@mixweb/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { Client, loadModule } from './support/engine-hosts.ts';

const CLIENTS = Number(process.env['MIX_LOAD_CLIENTS'] ?? 60);
/** Clients that do something in the same moment; all of them stay. */
const AT_ONCE = 20;
const TIME_LIMIT_MS = 600_000;

let internet: Awaited<ReturnType<typeof startInternet>>;
let admin: ReturnType<typeof adminOf>;
let module: Awaited<ReturnType<typeof loadModule>>;

beforeAll(async () => {
  internet = await startInternet({ localnet: ['--gateways', '2'] });
  admin = adminOf(internet.localnet);
  module = await loadModule();
});
afterAll(() => internet.stop());

const start = (): Promise<Client> => Client.start(module, { ...internet.tunnel, ...UNSHAPED });

/** As `Promise.all` of all of them, of which so many run at a time. */
async function each<T, R>(items: readonly T[], act: (item: T, i: number) => Promise<R>) {
  const results: R[] = [];
  const next = items.entries();
  const work = async (): Promise<void> => {
    for (const [i, item] of next) results[i] = await act(item, i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

interface Counters {
  nodes: {
    gateway?: { sessions: number; links: number };
    exit?: { sessions: number; nat: { flows: number; sockets: number } };
  }[];
}

/** What the nodes hold for clients. */
async function held(): Promise<Record<string, number>> {
  const { nodes } = (await admin.stats()) as Counters;
  const sum = (pick: (node: Counters['nodes'][number]) => number | undefined): number =>
    nodes.reduce((all, node) => all + (pick(node) ?? 0), 0);
  return {
    links: sum(({ gateway }) => gateway?.links),
    gatewaySessions: sum(({ gateway }) => gateway?.sessions),
    exitSessions: sum(({ exit }) => exit?.sessions),
    flows: sum(({ exit }) => exit?.nat.flows),
    sockets: sum(({ exit }) => exit?.nat.sockets),
  };
}

it(
  `serves ${CLIENTS} clients at once and forgets them`,
  async () => {
    const clients = await each(Array.from({ length: CLIENTS }), async () => {
      const client = await start();
      await client.until('ready');
      return client;
    });
    // On a slow machine some may be changing their link or exit just now.
    await expect
      .poll(
        async () => {
          const { gatewaySessions = 0, exitSessions = 0 } = await held();
          return Math.min(gatewaySessions, exitSessions);
        },
        { timeout: 60_000 },
      )
      .toBeGreaterThanOrEqual(CLIENTS);
    const addresses = clients.map((client) => client.host.info()?.address);
    expect(new Set(addresses).size).toBe(CLIENTS);

    const texts = await each(clients, async (client, i) => {
      const body = new TextEncoder().encode(`client ${i}`);
      const answer = await client.fetch('http://origin.example/echo', { method: 'POST', body });
      return new TextDecoder().decode(answer.body);
    });
    expect(texts).toEqual(clients.map((_, i) => `client ${i}`));

    for (const client of clients) client.end();
    // An exit keeps a session whose goodbye was lost for a minute.
    await expect
      .poll(held, { timeout: 120_000, interval: 1000 })
      .toEqual({ links: 0, gatewaySessions: 0, exitSessions: 0, flows: 0, sockets: 0 });
  },
  TIME_LIMIT_MS,
);

it('refuses those that are too many, and takes them later', async () => {
  const gateways = (internet.localnet.entries as { id: number }[]).map(({ id }) => id);
  const refuse = (on: boolean): Promise<unknown> =>
    Promise.all(gateways.map((id) => admin.act(id, 'refuse-registrations', { on })));
  await refuse(true);
  const refused = await start();
  await expect(refused.until('ready')).rejects.toThrow(/gateway/);
  expect(refused.states.at(-1)?.error?.code).toBe('GATEWAY_AUTH');
  refused.end();
  await refuse(false);
  const taken = await start();
  await taken.until('ready');
  taken.end();
});
