// The chart page: one HTML file with everything inside, for light and dark.
import { cellsOf } from './report.mjs';
import { drawn, escaped } from './svg.mjs';

const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #14171c; --quiet: #5a6472; --grid: #e3e7ec;
  --bar: #3b76c4; --soft: #a9c4e6; --limit: #14171c; --goal: #c2410c; --hover: #f0f3f7;
  --host0: #7a8494; --host1: #0f8a6a; --host2: #3b76c4; --line: #d4dae1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111418; --card: #191d23; --ink: #e8ebef; --quiet: #98a2b0; --grid: #2a3038;
    --bar: #5b96e6; --soft: #35557f; --limit: #f2f4f7; --goal: #fb9253; --hover: #20252c;
    --host0: #98a2b0; --host1: #37c79c; --host2: #5b96e6; --line: #2f3640;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0 0 10px; }
h2 .tick { color: var(--quiet); font-weight: 400; font-size: 13px; margin-left: 4px; }
p { margin: 0 0 12px; color: var(--quiet); }
code { font-size: 13px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px 12px; margin: 18px 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 10px 20px;
  margin: 18px 0 0; }
dt { color: var(--quiet); font-size: 12.5px; }
dd { margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin: 0 0 8px; color: var(--quiet);
  font-size: 13px; }
.legend span { display: inline-flex; align-items: center; gap: 7px; }
.legend svg { width: 22px; height: 14px; min-width: 0; }
.chart { overflow-x: auto; }
.chart svg { display: block; width: 100%; min-width: 760px; height: auto; }
text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.name { fill: var(--ink); }
.tick { font-size: 12px; fill: var(--quiet); }
.value { font-weight: 600; }
.grid { stroke: var(--grid); }
.row { fill: transparent; }
g:hover > .row { fill: var(--hover); fill-opacity: 0.7; }
.bar { fill: var(--bar); }
.soft { fill: var(--soft); }
.spread { stroke: var(--ink); stroke-width: 1.5; opacity: 0.55; }
.limit { stroke: var(--limit); stroke-width: 2.5; }
.goal { stroke: var(--goal); stroke-width: 2.5; stroke-dasharray: 3 2; }
.baseline { fill: var(--card); stroke: var(--ink); stroke-width: 1.5; }
.span { stroke: var(--line); stroke-width: 2; }
.host0 { fill: var(--host0); } .host1 { fill: var(--host1); } .host2 { fill: var(--host2); }
.host0, .host1, .host2 { stroke: var(--card); stroke-width: 1.5; }
details { margin: 6px 0 4px; font-size: 13px; }
summary { cursor: pointer; color: var(--quiet); }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { text-align: left; }
th { color: var(--quiet); font-weight: 500; }
.scroll { overflow-x: auto; }
`;

const line = (name) =>
  `<svg viewBox="0 0 22 14"><line class="${name}" x1="11" x2="11" y1="0" y2="14"/></svg>`;
const SIGNS = {
  limit: `<span>${line('limit')}limit of the protocol</span>`,
  goal: `<span>${line('goal')}goal</span>`,
  baseline: `<span><svg viewBox="0 0 22 14"><path class="baseline" d="M11 1l5 6l-5 6l-5 -6z"/></svg>baseline of the same run</span>`,
  spread: `<span><svg viewBox="0 0 22 14"><line class="spread" x1="2" x2="20" y1="7" y2="7"/></svg>quartiles</span>`,
};

/** Only what is drawn is explained. @param {import('./figures.mjs').Chart} chart */
function legend(chart) {
  const signs = Object.keys(SIGNS)
    .filter((key) => chart.rows.some((row) => row[key] !== undefined))
    .map((key) => SIGNS[key]);
  const hosts = (chart.hosts ?? []).map(
    (host, i) =>
      `<span><svg viewBox="0 0 22 14"><circle class="host${i}" cx="11" cy="7" r="5"/></svg>${escaped(host)}</span>`,
  );
  const all = [...hosts, ...signs];
  return all.length === 0 ? '' : `<div class="legend">${all.join('')}</div>`;
}

/** @param {import('./figures.mjs').Chart} chart */
function table(chart) {
  const { head, rows } = cellsOf(chart);
  const cells = (name, row) => row.map((cell) => `<${name}>${escaped(cell)}</${name}>`).join('');
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<details><summary>Numbers</summary><div class="scroll"><table><thead><tr>${cells('th', head)}</tr></thead>
<tbody>${body}</tbody></table></div></details>`;
}

const better = { less: 'shorter is better', more: 'longer is better' };

/** @param {import('./figures.mjs').Chart} chart */
function section(chart) {
  const hint = chart.kind === 'bars' ? ` · ${better[chart.better]}` : '';
  return `<section><h2>${escaped(chart.title)} <span class="tick">${escaped(chart.unit)}${hint}</span></h2>
${chart.note ? `<p>${escaped(chart.note)}</p>` : ''}${legend(chart)}
<div class="chart">${drawn(chart)}</div>
${table(chart)}</section>`;
}

/** @param {import('./report.mjs').Report} report */
export function chartPageOf(report) {
  const facts = Object.entries({
    date: report.date.slice(0, 16).replace('T', ' '),
    ...report.machine,
  });
  const failed = report.parts.filter(({ error }) => error !== undefined);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mixweb benchmarks of ${escaped(report.date.slice(0, 10))}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>mixweb benchmarks</h1>
<p>Headless Chromium over a local mixnet, unless a chart says otherwise. <code>${escaped(report.command)}</code></p>
<dl>${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('')}</dl>
${report.charts.map(section).join('\n')}
${failed.map(({ name, error }) => `<p>Not measured: ${escaped(name)}: ${escaped(error)}</p>`).join('\n')}
</main>
</body>
</html>
`;
}
