// An ENS name by ethers, then balance and block of its address from several nodes: each gets its
// calls in one JSON-RPC batch, and all of them at the same time.
import { batch } from '@mixweb/example-adapters/src/json-rpc.ts';
import { resolveEns } from '@mixweb/example-adapters/src/ethers.ts';
import { setupMixTunnel, type SetupMixTunnelOpts } from '@mixweb/mix-fetch';
import { formatEther } from 'ethers';

interface Config {
  name: string;
  nodes: string[];
  tunnel?: SetupMixTunnelOpts;
}

const element = <E extends HTMLElement>(id: string): E => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as E;
};
const show = (text: string): void => {
  element('state').textContent = text;
};

/** The cells of one node's row. A node that fails does not keep the others from answering. */
async function ask(node: string, account: string): Promise<string[]> {
  const { hostname } = new URL(node);
  try {
    const [block, balance] = await batch(node, [
      { method: 'eth_blockNumber' },
      { method: 'eth_getBalance', params: [account, 'latest'] },
    ]);
    return [hostname, String(Number(block)), formatEther(String(balance))];
  } catch (error) {
    return [hostname, '–', String(error)];
  }
}

async function lookUp({ nodes }: Config, name: string): Promise<void> {
  show('asking…');
  const account = await resolveEns(nodes[0] ?? '', name);
  if (account === null) {
    show(`${name} has no address`);
    return;
  }
  const rows = await Promise.all(nodes.map((node) => ask(node, account)));
  const body = element<HTMLTableSectionElement>('balances');
  body.replaceChildren();
  for (const cells of rows) {
    const row = body.insertRow();
    for (const text of cells) row.insertCell().textContent = text;
  }
  show(account);
}

const config = (await (await fetch('config.json')).json()) as Config;
const field = element<HTMLInputElement>('name');
field.value = config.name;
element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  lookUp(config, field.value).catch((error: unknown) => show(`failed: ${String(error)}`));
});
try {
  await setupMixTunnel(config.tunnel);
  element<HTMLButtonElement>('start').disabled = false;
  show('connected');
} catch (error) {
  show(`failed: ${String(error)}`);
}
