// Many requests, so many at a time.
import { mixFetch } from '@mixweb/mix-fetch';

import { element, ms, onSubmit, showFacts, told } from './dom.js';
import { log } from './log.js';

const MAX_BARS = 200;
const quantile = (sorted, part) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

function showBars(outcomes) {
  const last = outcomes.slice(-MAX_BARS);
  const top = Math.max(...last.map(({ took }) => took));
  element('stress-bars').replaceChildren(
    ...last.map(({ took, ok }) => {
      const bar = document.createElement('i');
      bar.style.blockSize = `${Math.max(2, (took / top) * 100)}%`;
      if (!ok) bar.className = 'bad';
      return bar;
    }),
  );
}

function show(outcomes, count, begun) {
  const good = outcomes
    .filter(({ ok }) => ok)
    .map(({ took }) => took)
    .sort((a, b) => a - b);
  element('stress-progress').value = outcomes.length / count;
  showFacts(element('stress-facts'), {
    done: `${outcomes.length} of ${count}`,
    failed: String(outcomes.length - good.length),
    rate: `${((outcomes.length * 1000) / (performance.now() - begun)).toFixed(1)} a second`,
    ...(good.length > 0 && {
      median: ms(quantile(good, 0.5)),
      '95 of 100 within': ms(quantile(good, 0.95)),
    }),
  });
  showBars(outcomes);
}

export function initStress(config) {
  element('stress-url').value = config.url;
  let abort = new AbortController();
  element('stress-stop').addEventListener('click', () => abort.abort());
  onSubmit(element('stress-form'), async () => {
    abort = new AbortController();
    const { signal } = abort;
    const url = element('stress-url').value;
    const count = Number(element('stress-count').value);
    const outcomes = [];
    let started = 0;
    const begun = performance.now();
    element('stress-stop').disabled = false;
    const worker = async () => {
      while (started < count && !signal.aborted) {
        started += 1;
        const from = performance.now();
        let ok = false;
        try {
          const response = await mixFetch(url, { signal });
          await response.arrayBuffer();
          ok = response.ok;
        } catch (error) {
          if (signal.aborted) return;
          log(told(error), 'bad');
        }
        outcomes.push({ ok, took: performance.now() - from });
        show(outcomes, count, begun);
      }
    };
    const parallel = Math.min(count, Number(element('stress-parallel').value));
    await Promise.all(Array.from({ length: parallel }, worker));
    element('stress-stop').disabled = true;
    log(`${outcomes.length} requests in ${ms(performance.now() - begun)}`, 'good');
  });
}
