// What the benchmarks' report is made of: numbers, tables and drawings, without any measuring.
import { describe, expect, it } from 'vitest';

import { chartPageOf } from '../../tools/bench/chart-page.mjs';
import { comparisons, formatted, meetsGoal, quantile } from '../../tools/bench/figures.mjs';
import { markdownOf, tableText } from '../../tools/bench/report.mjs';
import { linearTicks, logTicks } from '../../tools/bench/svg.mjs';

const bars = {
  kind: 'bars' as const,
  title: 'Rates',
  unit: 'kB/s',
  better: 'more' as const,
  rows: [
    { name: 'up <&>', value: 60, limit: 80, goal: 72 },
    { name: 'down', value: 200, spread: [190, 210] as [number, number], goal: 180 },
  ],
};
const dots = {
  kind: 'dots' as const,
  title: 'Micro',
  unit: 'µs',
  better: 'less' as const,
  hosts: ['native', 'Chromium'],
  rows: [{ name: 'ladder', values: { native: 40, Chromium: 100 } }],
};
const waterfall = {
  kind: 'waterfall' as const,
  title: 'Start',
  unit: 'ms' as const,
  rows: [{ name: 'import', start: 0, end: 20, goal: 30 }],
};
const report = {
  date: '2026-11-22T01:45:00.000Z',
  command: 'npm run bench',
  machine: { cpu: 'a | b', cores: 2 },
  parts: [
    { name: 'pages', seconds: 1 },
    { name: 'memory', seconds: 0, error: 'no time was left' },
  ],
  charts: [bars, dots, waterfall],
};

describe('the report of the benchmarks', () => {
  it('takes medians and quartiles, between two numbers too', () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([4, 1, 2, 3], 0.5)).toBe(2.5);
    expect(quantile([1, 2, Infinity], 0.5)).toBe(2);
    expect(quantile([7], 0.25)).toBe(7);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });

  it('shows no more digits than were measured', () => {
    expect([1234.5, 56.78, 0.123, 0].map(formatted)).toEqual(['1,235', '56.8', '0.12', '0.0']);
  });

  it('compares with limit, goal and baseline, and knows which way a goal lies', () => {
    const row = { name: '', value: 50, limit: 100, goal: 40, baseline: { name: 'x', value: 25 } };
    expect(comparisons(row).map(({ kind, ratio }) => [kind, ratio])).toEqual([
      ['limit', 0.5],
      ['goal', 1.25],
      ['x', 2],
    ]);
    expect(meetsGoal('more', row)).toBe(true);
    expect(meetsGoal('less', row)).toBe(false);
    expect(meetsGoal('less', { value: 1 })).toBeUndefined();
  });

  it('draws axes in round steps that hold every value', () => {
    expect(linearTicks(1270)).toEqual([0, 500, 1000, 1500]);
    expect(linearTicks(0.3)).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
    expect(linearTicks(0)).toEqual([0, 1]);
    expect(logTicks([3, 450])).toEqual([1, 10, 100, 1000]);
  });

  it('prints a table whose columns line up', () => {
    const [head, up] = tableText(bars).split('\n');
    expect(head).toContain('goal met');
    expect(up).toMatch(/^up <&> +60\.0 +limit 80\.0: 0\.75, goal 72\.0: 0\.83 +no$/);
  });

  it('names in its page what was not measured', () => {
    const page = markdownOf(report, { json: 'x.json', charts: 'x.html' });
    expect(page).toContain('- memory: no time was left');
    expect(page).toContain('[Charts](x.html)');
    expect(page).toContain('| ladder | 40.0 | 100 | 2.50 |');
  });

  it('makes a chart page of one file, without marks of its data in the markup', () => {
    const page = chartPageOf(report);
    expect(page.match(/<svg viewBox="0 0 1000/g)).toHaveLength(3);
    expect(page).toContain('up &lt;&amp;&gt;');
    expect(page).not.toContain('up <&>');
    expect(page).not.toMatch(/(src|href)="/);
    expect(page).not.toMatch(/NaN|undefined/);
  });
});
