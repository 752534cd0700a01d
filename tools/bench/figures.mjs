// What a part of the benchmarks gives: charts of rows. Everything that is printed, stored or drawn
// is made of these.

/**
 * One bar: a value beside what it is held against.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {number} value in the chart's unit
 * @property {[low: number, high: number]} [spread] first and third quartile of the rounds
 * @property {number} [limit] what the protocol allows: a floor of times, a cap of rates
 * @property {number} [goal]
 * @property {{ name: string, value: number }} [baseline] of the same run
 */

/**
 * @typedef {object} Bars
 * @property {'bars'} kind
 * @property {string} title
 * @property {string} unit
 * @property {'less' | 'more'} better
 * @property {Row[]} rows
 * @property {string} [note]
 */

/**
 * One program on several hosts, on a logarithmic axis.
 *
 * @typedef {object} Dots
 * @property {'dots'} kind
 * @property {string} title
 * @property {string} unit
 * @property {'less' | 'more'} better
 * @property {string[]} hosts the first one is the baseline
 * @property {{ name: string, values: Record<string, number>, goal?: number }[]} rows a goal is the
 *   last host's
 * @property {string} [note]
 */

/**
 * What happened when, ms from one beginning.
 *
 * @typedef {object} Waterfall
 * @property {'waterfall'} kind
 * @property {string} title
 * @property {'ms'} unit
 * @property {{ name: string, start: number, end: number, goal?: number }[]} rows a goal is of the
 *   duration
 * @property {string} [note]
 */

/** @typedef {Bars | Dots | Waterfall} Chart */

/** @param {number[]} numbers @param {number} share 0..1; between two numbers it is interpolated */
export function quantile(numbers, share) {
  if (numbers.length === 0) throw new RangeError('a quantile of nothing');
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  // A neighbour may be infinite, and no part of it counts.
  if (below === at) return sorted[below];
  return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

/** @param {number[]} numbers */
export const median = (numbers) => quantile(numbers, 0.5);

/** A row of the median and the quartiles. @param {string} name @param {number[]} values @param {Partial<Row>} against */
export const medianRow = (name, values, against = {}) => ({
  name,
  value: median(values),
  spread: [quantile(values, 0.25), quantile(values, 0.75)],
  ...against,
});

/** Three digits, no more than the measurement bears. @param {number} number */
export function formatted(number) {
  if (!Number.isFinite(number)) return String(number);
  const size = Math.abs(number);
  if (size >= 100) return Math.round(number).toLocaleString('en-US');
  return number.toFixed(size >= 10 || size === 0 ? 1 : 2);
}

/**
 * What a row is held against, with the ratio.
 *
 * @param {Row} row
 * @returns {{ kind: string, value: number, ratio: number }[]}
 */
export function comparisons({ value, limit, goal, baseline }) {
  const against = [];
  if (limit !== undefined) against.push({ kind: 'limit', value: limit });
  if (goal !== undefined) against.push({ kind: 'goal', value: goal });
  if (baseline !== undefined) against.push({ kind: baseline.name, value: baseline.value });
  return against.map((one) => ({ ...one, ratio: value / one.value }));
}

/** @param {'less' | 'more'} better @param {{ value: number, goal?: number }} row */
export function meetsGoal(better, { value, goal }) {
  if (goal === undefined) return undefined;
  return better === 'less' ? value <= goal : value >= goal;
}
