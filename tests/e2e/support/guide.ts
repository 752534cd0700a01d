// Reads the steps out of a guide: fenced blocks that follow a comment which says what to do with
// them. Blocks without such a comment are for reading.
import { readFileSync } from 'node:fs';

export type Step =
  | { kind: 'file'; name: string; text: string }
  | { kind: 'run'; text: string }
  | { kind: 'page'; name: string; from: 'server' | 'file' }
  | { kind: 'prints'; text: string };

const COMMENT = /^<!-- (file|run|page|page from a file|prints)(?:: ([\w./-]+))? -->$/;
const FENCE = /^```\w*$/;

/** @throws when a comment that looks like a step is none, so that a typo does not skip it. */
export function readGuide(path: string): Step[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const steps: Step[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (!line.startsWith('<!--')) continue;
    const [, kind, name = ''] = COMMENT.exec(line) ?? [];
    if (kind === 'page' || kind === 'page from a file') {
      steps.push({ kind: 'page', name, from: kind === 'page' ? 'server' : 'file' });
      continue;
    }
    const open = lines[i + 1] === '' ? i + 2 : i + 1;
    if (kind === undefined || !FENCE.test(lines[open] ?? '')) {
      throw new Error(`${path}:${i + 1}: not a step: ${line}`);
    }
    const close = lines.indexOf('```', open + 1);
    const text = lines.slice(open + 1, close).join('\n');
    steps.push(
      kind === 'file' ? { kind, name, text } : { kind: kind === 'run' ? 'run' : 'prints', text },
    );
    i = close;
  }
  return steps;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What a printed block matches: `…` stands for anything, alone on a line for any lines. */
export function asPattern(printed: string): RegExp {
  const lines = printed.split('\n').map((line) => {
    if (line === '…') return '(?:.*\\n)*?';
    return `${line.split('…').map(escaped).join('.*')}\\n`;
  });
  return new RegExp(`(?:^|\\n)${lines.join('')}`);
}
