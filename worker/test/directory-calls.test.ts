import { describe, expect, it } from 'vitest';

import { callDirectory, EarlyCalls } from '../src/directory-calls.ts';

const answering = (asked: string[]) => (url: string) => {
  asked.push(url);
  return Promise.resolve(new Response(url, { status: 203 }));
};
const never = new AbortController().signal;

describe('directory calls', () => {
  it('give status and body, or nothing when the directory cannot be reached', async () => {
    const answer = await callDirectory(answering([]), 'https://directory.example/a', never);
    expect(answer?.status).toBe(203);
    expect(new TextDecoder().decode(answer?.body)).toBe('https://directory.example/a');
    const refused = (): Promise<Response> => Promise.reject(new TypeError('refused'));
    expect(await callDirectory(refused, 'https://directory.example/a', never)).toBeUndefined();
  });

  it('begin ahead of the engine, and each is handed out once', async () => {
    const asked: string[] = [];
    const calls = new EarlyCalls(answering(asked), 'https://directory.example/api', ['a?x', 'b']);
    expect(asked).toEqual(['https://directory.example/api/a?x', 'https://directory.example/api/b']);
    expect(calls.take('https://directory.example/api/c')).toBeUndefined();
    expect((await calls.take('https://directory.example/api/b'))?.status).toBe(203);
    expect(calls.take('https://directory.example/api/b')).toBeUndefined();
  });

  it('end when nobody takes them', async () => {
    const ended: string[] = [];
    const hanging = (url: string, { signal }: RequestInit): Promise<Response> =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          ended.push(url);
          reject(new Error('ended'));
        });
      });
    const calls = new EarlyCalls(hanging, 'https://directory.example/', ['a', 'b']);
    const taken = calls.take('https://directory.example/a');
    calls.drop();
    expect(await taken).toBeUndefined();
    expect(ended).toEqual(['https://directory.example/a', 'https://directory.example/b']);
    expect(calls.take('https://directory.example/b')).toBeUndefined();
  });
});
