// The charts as SVG text. Colours are classes, which the page's style sheet gives for light and dark.
import { comparisons, formatted, meetsGoal } from './figures.mjs';

const WIDTH = 1000;
const LABELS = 300; // column of names
const VALUES = 190; // column of numbers, on the right
const LEFT = LABELS + 12;
const RIGHT = WIDTH - VALUES - 12;
const ROW = 30;
const BAR = 14;
const AXIS = 26; // below the rows
const TOP = 6;
const RADIUS = 4;
/** A bar this short is still seen. */
const LEAST = 2;

/** @param {unknown} text */
export const escaped = (text) =>
  String(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

const at = (number) => Number(number.toFixed(1));
const text = (x, y, content, name = '', anchor = 'start') =>
  `<text x="${at(x)}" y="${at(y)}" class="${name}" text-anchor="${anchor}">${escaped(content)}</text>`;
const vertical = (x, top, bottom, name) =>
  `<line x1="${at(x)}" x2="${at(x)}" y1="${at(top)}" y2="${at(bottom)}" class="${name}"/>`;

/** Round numbers from 0 to at least `max`: at most `count` steps of 1, 2 or 5 times a power of ten. */
export function linearTicks(max, count = 6) {
  if (!(max > 0) || !Number.isFinite(max)) return [0, 1];
  const raw = max / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((of) => of * power).find((size) => size >= raw * (1 - 1e-9));
  const ticks = [];
  for (let i = 0; ticks.length === 0 || ticks.at(-1) < max * (1 - 1e-9); i++) ticks.push(i * step);
  return ticks.map((tick) => Number(tick.toPrecision(12)));
}

/** Powers of ten around all of `values`. */
export function logTicks(values) {
  const lowest = Math.floor(Math.log10(Math.min(...values)));
  const highest = Math.ceil(Math.log10(Math.max(...values)));
  return Array.from({ length: Math.max(highest - lowest, 1) + 1 }, (_, i) => 10 ** (lowest + i));
}

const shortTick = (tick) =>
  tick >= 1e6
    ? `${tick / 1e6} M`
    : tick >= 10_000
      ? `${tick / 1000} k`
      : tick.toLocaleString('en-US', { maximumFractionDigits: 4 });

/** Grid lines with their numbers; `scale` leads from value to x. */
function axis(ticks, scale, bottom) {
  const parts = ticks.map(
    (tick) =>
      vertical(scale(tick), TOP, bottom, 'grid') +
      text(scale(tick), bottom + 16, shortTick(tick), 'tick', 'middle'),
  );
  return parts.join('');
}

function svg(rows, title, content) {
  const height = TOP + rows * ROW + AXIS;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">${content}</svg>`;
}

const linear = (max) => (value) =>
  LEFT + ((RIGHT - LEFT) * Math.min(Math.max(value, 0), max)) / max;

/** A bar from `from` to `to`, rounded where it ends. */
function bar(from, to, middle, name) {
  const end = Math.max(to, from + LEAST);
  const radius = Math.min(RADIUS, (end - from) / 2);
  const top = at(middle - BAR / 2);
  return (
    `<path class="${name}" d="M${at(from)} ${top}H${at(end - radius)}q${at(radius)} 0 ${at(radius)} ` +
    `${at(radius)}v${at(BAR - 2 * radius)}q0 ${at(radius)} ${at(-radius)} ${at(radius)}H${at(from)}z"/>`
  );
}

const verdictOf = (better, row) => {
  const met = meetsGoal(better, row);
  return met === undefined ? '' : met ? ' ✓' : ' ✗';
};

/** @param {import('./figures.mjs').Bars} chart */
function bars({ title, unit, better, rows }) {
  const marks = (row) => [
    row.value,
    row.limit ?? 0,
    row.goal ?? 0,
    row.spread?.[1] ?? 0,
    row.baseline?.value ?? 0,
  ];
  const ticks = linearTicks(Math.max(...rows.flatMap(marks).filter(Number.isFinite)));
  const scale = linear(ticks.at(-1));
  const bottom = TOP + rows.length * ROW;
  const drawn = rows.map((row, i) => {
    const top = TOP + i * ROW;
    const middle = top + ROW / 2;
    const told = comparisons(row).map(
      ({ kind, value, ratio }) => `${ratio.toFixed(2)} × ${kind} (${formatted(value)} ${unit})`,
    );
    const [first] = comparisons(row);
    const ratio = first ? ` · ${first.ratio.toFixed(2)} × ${first.kind}` : '';
    const parts = [
      `<title>${escaped([`${row.name}: ${formatted(row.value)} ${unit}`, ...told].join('\n'))}</title>`,
      `<rect class="row" x="0" y="${top}" width="${WIDTH}" height="${ROW}"/>`,
      text(LABELS, middle + 4, row.name, 'name', 'end'),
      bar(LEFT, scale(row.value), middle, 'bar'),
    ];
    if (row.spread) {
      const [low, high] = row.spread.map(scale);
      parts.push(
        `<line class="spread" x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}"/>`,
      );
    }
    if (row.baseline !== undefined) {
      const x = at(scale(row.baseline.value));
      parts.push(`<path class="baseline" d="M${x} ${middle - 6}l5 6l-5 6l-5 -6z"/>`);
    }
    if (row.goal !== undefined) {
      parts.push(vertical(scale(row.goal), top + 3, top + ROW - 3, 'goal'));
    }
    if (row.limit !== undefined) {
      parts.push(vertical(scale(row.limit), top + 3, top + ROW - 3, 'limit'));
    }
    parts.push(
      `<text x="${RIGHT + 12}" y="${middle + 4}"><tspan class="value">${escaped(formatted(row.value))}</tspan>` +
        `<tspan class="tick">${escaped(ratio)}${verdictOf(better, row)}</tspan></text>`,
    );
    return `<g>${parts.join('')}</g>`;
  });
  return svg(rows.length, title, axis(ticks, scale, bottom) + drawn.join(''));
}

/** @param {import('./figures.mjs').Dots} chart */
function dots({ title, unit, better, hosts, rows }) {
  const all = rows.flatMap(({ values, goal }) => [...Object.values(values), goal ?? NaN]);
  const ticks = logTicks(all.filter((value) => value > 0 && Number.isFinite(value)));
  const [low, high] = [Math.log10(ticks[0]), Math.log10(ticks.at(-1))];
  const scale = (value) => LEFT + ((RIGHT - LEFT) * (Math.log10(value) - low)) / (high - low);
  const bottom = TOP + rows.length * ROW;
  const last = hosts.at(-1);
  const drawn = rows.map(({ name, values, goal }, i) => {
    const top = TOP + i * ROW;
    const middle = top + ROW / 2;
    const present = hosts.filter((host) => host in values);
    const told = present.map((host) => `${host} ${formatted(values[host])} ${unit}`);
    const places = present.map((host) => scale(values[host]));
    const [first] = hosts;
    const ratio =
      last in values && first in values && last !== first
        ? ` · ${(values[last] / values[first]).toFixed(1)} × ${first}`
        : '';
    return [
      `<g><title>${escaped([name, ...told].join('\n'))}</title>`,
      `<rect class="row" x="0" y="${top}" width="${WIDTH}" height="${ROW}"/>`,
      text(LABELS, middle + 4, name, 'name', 'end'),
      `<line class="span" x1="${at(Math.min(...places))}" x2="${at(Math.max(...places))}" y1="${middle}" y2="${middle}"/>`,
      goal === undefined ? '' : vertical(scale(goal), top + 3, top + ROW - 3, 'goal'),
      ...present.map(
        (host) =>
          `<circle class="host${hosts.indexOf(host)}" cx="${at(scale(values[host]))}" cy="${middle}" r="5"/>`,
      ),
      `<text x="${RIGHT + 12}" y="${middle + 4}"><tspan class="value">${escaped(formatted(values[present.at(-1)]))}</tspan>`,
      `<tspan class="tick">${escaped(ratio)}${verdictOf(better, { value: values[last], goal })}</tspan></text></g>`,
    ].join('');
  });
  return svg(rows.length, title, axis(ticks, scale, bottom) + drawn.join(''));
}

/** @param {import('./figures.mjs').Waterfall} chart */
function waterfall({ title, rows }) {
  const ticks = linearTicks(Math.max(...rows.map(({ end }) => end)));
  const scale = linear(ticks.at(-1));
  const bottom = TOP + rows.length * ROW;
  const drawn = rows.map(({ name, start, end, goal }, i) => {
    const top = TOP + i * ROW;
    const middle = top + ROW / 2;
    const took = end - start;
    const asked = goal === undefined ? '' : ` · ${(took / goal).toFixed(2)} × goal`;
    return [
      `<g><title>${escaped(`${name}: ${formatted(start)} to ${formatted(end)} ms`)}</title>`,
      `<rect class="row" x="0" y="${top}" width="${WIDTH}" height="${ROW}"/>`,
      text(LABELS, middle + 4, name, 'name', 'end'),
      bar(scale(start), scale(end), middle, goal === undefined ? 'bar soft' : 'bar'),
      goal === undefined ? '' : vertical(scale(start + goal), top + 3, top + ROW - 3, 'goal'),
      `<text x="${RIGHT + 12}" y="${middle + 4}"><tspan class="value">${escaped(formatted(took))}</tspan>`,
      `<tspan class="tick">${asked}${verdictOf('less', { value: took, goal })}</tspan></text></g>`,
    ].join('');
  });
  return svg(rows.length, title, axis(ticks, scale, bottom) + drawn.join(''));
}

const DRAW = { bars, dots, waterfall };

/** @param {import('./figures.mjs').Chart} chart */
export const drawn = (chart) => DRAW[chart.kind](chart);
