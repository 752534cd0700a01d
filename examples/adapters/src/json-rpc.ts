// JSON-RPC by hand: one call, several calls in one request, one call to several hosts at once.
import { mixFetch } from '@mixweb/mix-fetch';

export interface Call {
  method: string;
  params?: unknown[];
}

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await mixFetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response.json();
}

interface Answer {
  id: number;
  result?: unknown;
  error?: { message: string };
}

const message = ({ method, params = [] }: Call, id: number): object => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});

function resultOf(answer: Answer | undefined): unknown {
  if (answer?.error) throw new Error(answer.error.message);
  return answer?.result;
}

export async function call(url: string, one: Call): Promise<unknown> {
  return resultOf((await post(url, message(one, 1))) as Answer);
}

/** Several calls in one request: one round trip, whatever the number. */
export async function batch(url: string, calls: Call[]): Promise<unknown[]> {
  const answers = (await post(url, calls.map(message))) as Answer[];
  return calls.map((_, id) => resultOf(answers.find((answer) => answer.id === id)));
}

/** The same question to several hosts, each on a connection of its own. */
export function everywhere(urls: string[], one: Call): Promise<unknown[]> {
  return Promise.all(urls.map((url) => call(url, one)));
}
