// Each adapter against a local JSON-RPC server, through a local mixnet.
import { disconnectMixTunnel, setupMixTunnel } from '@mixweb/mix-tunnel';
import { startInternet } from '@mixweb/testing';
import { RPC_HOSTS, startBehaviours } from '@mixweb/testing/behaviours';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { mixAxios } from '../src/axios.ts';
import { mixProvider, resolveEns } from '../src/ethers.ts';
import { batch, call, everywhere } from '../src/json-rpc.ts';
import { mixClient } from '../src/viem.ts';

const URL = `https://${RPC_HOSTS[0]}/rpc`;
const BALANCE = 10n ** 18n;
const ACCOUNT = '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045';

let internet: Awaited<ReturnType<typeof startInternet>>;
let servers: Awaited<ReturnType<typeof startBehaviours>>;

beforeAll(async () => {
  internet = await startInternet({
    hosts: async (authority) => {
      servers = await startBehaviours(authority);
      return servers.hosts;
    },
  });
  await setupMixTunnel(internet.tunnel);
});
afterAll(async () => {
  await disconnectMixTunnel();
  await servers.stop();
  await internet.stop();
});

it('ethers asks for a balance and resolves an ENS name', async () => {
  const provider = mixProvider(URL);
  expect(await provider.getBalance(ACCOUNT)).toBe(BALANCE);
  expect(await provider.getBlockNumber()).toBe(0x10d4f);
  expect(await resolveEns(URL, 'vitalik.eth')).toBe(ACCOUNT);
});

it('viem asks for a balance', async () => {
  const client = mixClient(URL);
  const [balance, block] = await Promise.all([
    client.getBalance({ address: ACCOUNT }),
    client.getBlockNumber(),
  ]);
  expect([balance, block]).toEqual([BALANCE, 0x10d4fn]);
});

it('axios gets and posts', async () => {
  const axios = mixAxios('https://node.example');
  const posted = await axios.post('/echo', { a: 1 });
  expect(posted.data).toEqual({ a: 1 });
  await expect(axios.get('/status/404')).rejects.toMatchObject({ response: { status: 404 } });
});

it('JSON-RPC goes alone, in batches, and to many hosts', async () => {
  expect(await call(URL, { method: 'eth_chainId' })).toBe('0x1');
  const calls = [{ method: 'eth_chainId' }, { method: 'net_version' }];
  expect(await batch(URL, calls)).toEqual(['0x1', '1']);
  await expect(call(URL, { method: 'no_such' })).rejects.toThrow('does not exist');
  const urls = RPC_HOSTS.slice(0, 4).map((host) => `https://${host}/rpc`);
  expect(await everywhere(urls, { method: 'net_version' })).toEqual(['1', '1', '1', '1']);
});
