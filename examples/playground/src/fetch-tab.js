// One request, both ways side by side.
import { mixFetch } from '@mixweb/mix-fetch';

import { bothWays, seenFrom } from './compare.js';
import { bytes, element, ms, onSubmit, showFacts, told } from './dom.js';
import { log } from './log.js';

const BODY_PREVIEW = 4096; // characters

/** Bars as long as the two took, beside one another. */
function showTook(took) {
  const top = Math.max(...Object.values(took));
  for (const [prefix, time] of Object.entries(took)) {
    const bar = element(`${prefix}-took`);
    bar.hidden = time === 0;
    bar.style.inlineSize = `${(time / top) * 100}%`;
  }
}

/** Shows one way; resolves with how long it took, 0 when it failed. */
async function run(prefix, way, method, url) {
  const facts = element(`${prefix}-facts`);
  const progress = element(`${prefix}-progress`);
  showFacts(facts, { status: 'waiting…' });
  element(`${prefix}-body`).textContent = '';
  progress.hidden = false;
  const begun = performance.now();
  try {
    const response = await way.doFetch(way.address(url), { method });
    const head = performance.now() - begun;
    const body = await response.arrayBuffer();
    const total = performance.now() - begun;
    const timing = mixFetch.timing(response);
    showFacts(facts, {
      status: `${response.status} ${response.statusText}`,
      type: response.headers.get('content-type') ?? 'unknown',
      bytes: body.byteLength.toLocaleString(),
      'first byte': ms(head),
      total: ms(total),
      ...(timing?.tls !== undefined && { 'TLS ready after': ms(timing.tls) }),
      'server saw': seenFrom(response, way.fallback),
    });
    const text = new TextDecoder().decode(body.slice(0, BODY_PREVIEW));
    element(`${prefix}-body`).textContent = body.byteLength > BODY_PREVIEW ? `${text}\n…` : text;
    log(
      `${prefix === 'mix' ? 'mixnet' : 'clear'}: ${method} ${response.status}, ${bytes(body.byteLength)} in ${ms(total)}`,
    );
    return total;
  } catch (error) {
    showFacts(facts, { failed: told(error) });
    log(told(error), 'bad');
    return 0;
  } finally {
    progress.hidden = true;
  }
}

export function initFetch(config) {
  element('url').value = config.url;
  const ways = bothWays(config);
  onSubmit(element('form'), async () => {
    const [url, method] = [element('url').value, element('method').value];
    for (const prefix of ['mix', 'clear']) element(`${prefix}-took`).hidden = true;
    const [mix, clear] = await Promise.all([
      run('mix', ways.mix, method, url),
      run('clear', ways.clear, method, url),
    ]);
    showTook({ mix, clear });
  });
}
