// What was measured, as a table for the terminal, a page of Markdown and JSON. The chart page is
// chart-page.mjs'.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

import { comparisons, formatted, meetsGoal } from './figures.mjs';

/**
 * @typedef {object} Report
 * @property {string} date ISO 8601
 * @property {string} command
 * @property {Record<string, string | number>} machine
 * @property {{ name: string, seconds: number, error?: string }[]} parts in order
 * @property {import('./figures.mjs').Chart[]} charts
 */

const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim();

function systemName() {
  const [, name] = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
  return name ?? 'Linux';
}

/** @returns {Record<string, string | number>} */
export function describeMachine() {
  const changed = run('git', 'status', '--porcelain', '--untracked-files=no') !== '';
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${systemName()}, Linux ${release()}`,
    node: process.version,
    commit: run('git', 'rev-parse', '--short', 'HEAD') + (changed ? ' and changes' : ''),
    'load before': Number(loadavg()[0].toFixed(2)),
  };
}

const ratioTo = ({ kind, value, ratio }) => `${kind} ${formatted(value)}: ${ratio.toFixed(2)}`;
const against = (row) => comparisons(row).map(ratioTo).join(', ');
const mark = (better, row) => ({ true: 'yes', false: 'no' })[meetsGoal(better, row)] ?? '';

/** Head and cells of a chart as a table: what terminal and Markdown both show. */
export function cellsOf(chart) {
  switch (chart.kind) {
    case 'bars':
      return {
        head: [chart.title, chart.unit, 'quartiles', 'against', 'goal met'],
        rows: chart.rows.map((row) => [
          row.name,
          formatted(row.value),
          row.spread ? row.spread.map(formatted).join('–') : '',
          against(row),
          mark(chart.better, row),
        ]),
      };
    case 'dots': {
      const [first, ...others] = chart.hosts;
      const last = chart.hosts.at(-1);
      return {
        head: [
          `${chart.title}, ${chart.unit}`,
          ...chart.hosts,
          ...others.map((host) => `${host} / ${first}`),
          'goal met',
        ],
        rows: chart.rows.map(({ name, values, goal }) => [
          name,
          ...chart.hosts.map((host) => (host in values ? formatted(values[host]) : '')),
          ...others.map((host) =>
            host in values && first in values ? (values[host] / values[first]).toFixed(2) : '',
          ),
          goal === undefined
            ? ''
            : `${formatted(goal)}: ${mark(chart.better, { value: values[last], goal })}`,
        ]),
      };
    }
    case 'waterfall':
      return {
        head: [chart.title, 'from, ms', 'to, ms', 'took, ms', 'goal', 'goal met'],
        rows: chart.rows.map(({ name, start, end, goal }) => [
          name,
          formatted(start),
          formatted(end),
          formatted(end - start),
          goal === undefined ? '' : formatted(goal),
          mark('less', { value: end - start, goal }),
        ]),
      };
    default:
      throw new TypeError('an unknown kind of chart');
  }
}

/** @param {import('./figures.mjs').Chart} chart */
export function tableText(chart) {
  const { head, rows } = cellsOf(chart);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((cells) => cells[i].length)));
  const line = (cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line), ...(chart.note ? [chart.note] : [])].join('\n');
}

const escaped = (text) => text.replaceAll('|', '\\|');

/** @param {import('./figures.mjs').Chart} chart */
function tableMarkdown(chart) {
  const { head, rows } = cellsOf(chart);
  // Columns that say nothing are left out.
  const used = head.map((_, i) => i === 0 || rows.some((cells) => cells[i] !== ''));
  const line = (cells) =>
    `| ${cells
      .filter((_, i) => used[i])
      .map(escaped)
      .join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? ':--' : '--:'));
  return [line(head), line(rule), ...rows.map(line), '', ...(chart.note ? [chart.note, ''] : [])];
}

/** @param {Report} report @param {{ json: string, charts: string }} files beside the page */
export function markdownOf(report, files) {
  const day = report.date.slice(0, 10);
  const lines = [
    `# Benchmarks of ${day}`,
    '',
    `Made by \`${report.command}\`. [Charts](${files.charts}) · [JSON](${files.json})`,
    '',
    'Medians, where there are quartiles. The limit is what the protocol allows (a floor of times, a cap of rates); ratios to it and to baselines of the same run bear comparison between machines, plain numbers do not.',
    '',
    '| Machine | |',
    '| :-- | :-- |',
    ...Object.entries(report.machine).map(
      ([name, value]) => `| ${name} | ${escaped(String(value))} |`,
    ),
    '',
  ];
  for (const chart of report.charts) lines.push(`## ${chart.title}`, '', ...tableMarkdown(chart));
  const failed = report.parts.filter(({ error }) => error !== undefined);
  if (failed.length > 0) {
    lines.push('## Not measured', '');
    for (const { name, error } of failed) lines.push(`- ${name}: ${error}`);
    lines.push('');
  }
  return lines.join('\n');
}
