// The page of `npm start`: connect, fetch, and the same request over the clear network beside it.
import { mixFetch } from '@mixweb/mix-fetch';
import { disconnectMixTunnel, getTunnelInfo, setupMixTunnel } from '@mixweb/mix-tunnel';

const BODY_PREVIEW = 4096; // characters
const element = (id) => document.getElementById(id);
const config = await (await fetch('/config.json')).json();
element('url').value = config.url;

function showState(state, text = state) {
  const badge = element('state');
  badge.dataset.state = state;
  badge.textContent = text;
  element('path').classList.toggle('up', state === 'ready');
  element('fetch').disabled = state !== 'ready';
  element('disconnect').disabled = state !== 'ready';
  element('connect').disabled = state === 'ready' || state === 'connecting';
}

function addStep(text, bad = false) {
  const item = document.createElement('li');
  item.textContent = text;
  if (bad) item.className = 'error';
  element('steps').append(item);
}

const short = (identity) => `${identity.slice(0, 10)}…`;

element('connect').addEventListener('click', async () => {
  element('steps').replaceChildren();
  showState('connecting', 'connecting…');
  const begun = performance.now();
  try {
    await setupMixTunnel({
      ...config.options,
      onState: ({ state, step }) => {
        addStep(`${Math.round(performance.now() - begun)} ms  ${step ?? state}`);
        if (state === 'failed') showState('failed', 'failed');
        if (state === 'connecting') showState('connecting', 'connecting…');
        if (state === 'ready') showState('ready', 'connected');
      },
    });
    const info = await getTunnelInfo();
    element('hop-entry').title = info.gateway;
    element('hop-entry').textContent = `entry ${short(info.gateway)}`;
    const exit = info.exit.split('@')[1];
    element('hop-exit').title = exit;
    element('hop-exit').textContent = `exit ${short(exit)}`;
  } catch (error) {
    showState('failed', 'failed');
    addStep(`${error.message} (${error.code ?? error.name})`, true);
  }
});

element('disconnect').addEventListener('click', async () => {
  await disconnectMixTunnel();
  showState('idle', 'not connected');
});

function showFacts(prefix, facts) {
  const list = element(`${prefix}-facts`);
  list.replaceChildren();
  for (const [name, value] of Object.entries(facts)) {
    const term = document.createElement('dt');
    term.textContent = name;
    const detail = document.createElement('dd');
    detail.textContent = value;
    list.append(term, detail);
  }
}

/** Runs one of the two fetches and shows what came of it. */
async function run(prefix, doFetch, url, seenFrom) {
  showFacts(prefix, { status: 'waiting…' });
  element(`${prefix}-body`).textContent = '';
  const begun = performance.now();
  try {
    const response = await doFetch(url);
    const head = performance.now() - begun;
    const body = await response.arrayBuffer();
    showFacts(prefix, {
      status: `${response.status} ${response.statusText}`,
      type: response.headers.get('content-type') ?? 'unknown',
      bytes: body.byteLength.toLocaleString(),
      'first byte': `${Math.round(head)} ms`,
      total: `${Math.round(performance.now() - begun)} ms`,
      'server saw': seenFrom,
    });
    const text = new TextDecoder().decode(body.slice(0, BODY_PREVIEW));
    element(`${prefix}-body`).textContent = body.byteLength > BODY_PREVIEW ? `${text}\n…` : text;
  } catch (error) {
    showFacts(prefix, { failed: `${error.message}${error.code ? ` (${error.code})` : ''}` });
  }
}

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { value } = element('url');
  element('fetch').disabled = true;
  await Promise.all([
    run('mix', mixFetch, value, 'the exit gateway'),
    // The demo's name exists only inside its little internet; nginx also answers directly.
    run('clear', fetch, value === config.url ? config.direct : value, 'your own address'),
  ]);
  element('fetch').disabled = false;
});

showState('idle', 'not connected');
