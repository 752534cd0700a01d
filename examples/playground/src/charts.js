// Packet rates as moving charts: one tile for each kind, the last half minute of each.
import { bytes, element } from './dom.js';

const INTERVAL_MS = 500;
const POINTS = 60;
const WIDTH = 120;
const HEIGHT = 36;
const SVG = 'http://www.w3.org/2000/svg';

const perSecond = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)}/s`;
/** What is drawn: counters of TunnelStats, as rates. */
const TILES = [
  { name: 'real packets', of: ({ sphinx }) => sphinx.sentReal, show: perSecond },
  {
    name: 'cover packets',
    of: ({ sphinx }) => sphinx.sentCover + sphinx.sentLoop,
    show: perSecond,
  },
  { name: 'acknowledgements', of: ({ sphinx }) => sphinx.sentAcks, show: perSecond },
  { name: 'reply blocks', of: ({ surbs }) => surbs.sent, show: perSecond },
  { name: 'packets received', of: ({ sphinx }) => sphinx.received, show: perSecond },
  { name: 'IP out', of: ({ ip }) => ip.bytesOut, show: (value) => `${bytes(value)}/s` },
  { name: 'IP in', of: ({ ip }) => ip.bytesIn, show: (value) => `${bytes(value)}/s` },
];

function makeTile({ name }) {
  const tile = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const value = document.createElement('output');
  value.textContent = '–';
  value.setAttribute('aria-live', 'off');
  value.setAttribute('aria-label', name);
  const label = document.createElement('span');
  label.textContent = name;
  caption.append(label, value);
  const chart = document.createElementNS(SVG, 'svg');
  chart.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.setAttribute('aria-hidden', 'true');
  const area = document.createElementNS(SVG, 'path');
  const line = document.createElementNS(SVG, 'path');
  area.classList.add('area');
  line.classList.add('line');
  chart.append(area, line);
  tile.append(caption, chart);
  element('charts').append(tile);
  return { value, area, line, points: [] };
}

function draw({ area, line, points }) {
  const top = Math.max(1, ...points);
  const start = WIDTH - ((points.length - 1) * WIDTH) / (POINTS - 1);
  const path = points
    .map((point, i) => {
      const x = (start + (i * WIDTH) / (POINTS - 1)).toFixed(1);
      return `${i === 0 ? 'M' : 'L'}${x} ${(HEIGHT - 2 - (point / top) * (HEIGHT - 6)).toFixed(1)}`;
    })
    .join('');
  line.setAttribute('d', path);
  area.setAttribute('d', `${path}L${WIDTH} ${HEIGHT}L${start.toFixed(1)} ${HEIGHT}Z`);
}

/**
 * @param {typeof import('@mixweb/mix-tunnel').onTunnelStats} onTunnelStats
 * @returns a function that empties the charts for a new tunnel
 */
export function initCharts(onTunnelStats) {
  const tiles = TILES.map((kind) => ({ kind, ...makeTile(kind) }));
  let before;
  onTunnelStats(
    (stats) => {
      const seconds = before && (stats.uptimeMs - before.uptimeMs) / 1000;
      if (seconds > 0) {
        for (const tile of tiles) {
          const rate = Math.max(0, tile.kind.of(stats) - tile.kind.of(before)) / seconds;
          tile.points.push(rate);
          if (tile.points.length > POINTS) tile.points.shift();
          tile.value.textContent = tile.kind.show(rate);
          draw(tile);
        }
      }
      before = stats;
    },
    { intervalMs: INTERVAL_MS },
  );
  return () => {
    before = undefined;
    for (const tile of tiles) {
      tile.points.length = 0;
      tile.value.textContent = '–';
      tile.line.removeAttribute('d');
      tile.area.removeAttribute('d');
    }
  };
}
