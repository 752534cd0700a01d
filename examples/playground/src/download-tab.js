// A file both ways, with progress, and whether the bytes are the same.
import { bothWays, seenFrom } from './compare.js';
import { bytes, element, ms, onSubmit, showFacts, told } from './dom.js';
import { log } from './log.js';

const SHOW_EVERY_MS = 100;
const hex = (buffer) =>
  [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Reads it all, shows how far it is; resolves with its SHA-256. */
async function download(prefix, way, url, signal) {
  const facts = element(`download-${prefix}-facts`);
  const bar = element(`download-${prefix}-progress`);
  bar.value = 0;
  showFacts(facts, { status: 'waiting…' });
  const begun = performance.now();
  const response = await way.doFetch(way.address(url), { signal });
  const total = Number(response.headers.get('content-length') ?? 0);
  const chunks = [];
  let loaded = 0;
  let shown = 0;
  const show = (now) => {
    shown = now;
    const seconds = (now - begun) / 1000;
    if (total > 0) bar.value = loaded / total;
    showFacts(facts, {
      done: total > 0 ? `${bytes(loaded)} of ${bytes(total)}` : bytes(loaded),
      rate: `${bytes(loaded / seconds)}/s`,
      time: ms(now - begun),
      'server saw': seenFrom(response, way.fallback),
    });
  };
  for await (const chunk of response.body) {
    chunks.push(chunk);
    loaded += chunk.byteLength;
    const now = performance.now();
    if (now - shown > SHOW_EVERY_MS) show(now);
  }
  show(performance.now());
  bar.value = 1;
  return hex(await crypto.subtle.digest('SHA-256', await new Blob(chunks).arrayBuffer()));
}

export function initDownload(config) {
  element('download-url').value = config.download ?? config.url;
  const ways = bothWays(config);
  let abort = new AbortController();
  element('download-stop').addEventListener('click', () => abort.abort());
  onSubmit(element('download-form'), async () => {
    abort = new AbortController();
    const state = element('download-state');
    state.textContent = 'downloading…';
    element('download-stop').disabled = false;
    const url = element('download-url').value;
    const results = await Promise.allSettled(
      Object.entries(ways).map(([prefix, way]) => download(prefix, way, url, abort.signal)),
    );
    const [mix, clear] = results;
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') continue;
      const facts = element(`download-${Object.keys(ways)[i]}-facts`);
      showFacts(facts, { failed: told(result.reason) });
      log(told(result.reason), 'bad');
    }
    if (mix.status === 'fulfilled' && clear.status === 'fulfilled') {
      state.textContent =
        mix.value === clear.value
          ? `the same bytes both ways: SHA-256 ${mix.value}`
          : 'the bytes differ';
      log(mix.value === clear.value ? 'the same bytes both ways' : 'the bytes differ', 'good');
    } else {
      state.textContent = 'not finished';
    }
    element('download-stop').disabled = true;
  });
}
