// The tunnel's panel: connecting with options, the state, and who is on the path.
import {
  disconnectMixTunnel,
  getTunnelInfo,
  getTunnelStats,
  onTunnelState,
  onTunnelStats,
  setupMixTunnel,
  switchExit,
  tunnelEvents,
} from '@mixweb/mix-tunnel';

import { initCharts } from './charts.js';
import { element, ms, told } from './dom.js';
import { log } from './log.js';

const STEPS = ['worker', 'keys', 'directory', 'gateway', 'register', 'topology', 'exit', 'ready'];
const LABELS = { idle: 'not connected', ready: 'connected', connecting: 'connecting…' };
const short = (identity) => `${identity.slice(0, 8)}…`;

function showState(state) {
  const badge = element('state');
  badge.dataset.state = state;
  badge.textContent = LABELS[state] ?? state;
  element('path').classList.toggle('up', state === 'ready');
  element('disconnect').disabled = state !== 'ready';
  element('switch').disabled = state !== 'ready';
  element('connect').disabled = state === 'ready' || state === 'connecting';
  element('options').inert = element('connect').disabled;
  element('setup-progress').hidden = state !== 'connecting';
  for (const fields of document.querySelectorAll('[data-needs-tunnel]')) {
    fields.disabled = state !== 'ready';
  }
}

async function showPath() {
  const info = await getTunnelInfo();
  const exit = info.exit.split('@')[1] ?? '';
  element('hop-entry').textContent = short(info.gateway);
  element('hop-entry').title = info.gateway;
  element('hop-exit').textContent = short(exit);
  element('hop-exit').title = exit;
  element('hop-you').textContent = info.ipv4 ?? info.ipv6 ?? '';
  element('own-address').textContent = info.address;
  if (element('message-to').value === '') element('message-to').value = info.address;
}

function chosenOptions(given) {
  const shaping = element('shaping').value;
  const preset = element('preset').value;
  const clientId = element('client-id').value;
  const preferredIpr = element('exit').value;
  return {
    ...given,
    disablePoissonTraffic: shaping === 'poisson' || shaping === 'both',
    disableCoverTraffic: shaping === 'cover' || shaping === 'both',
    ...(preset && { traffic: { preset } }),
    ...(clientId && { clientId }),
    ...(preferredIpr && { preferredIpr }),
  };
}

export function initTunnel(config) {
  const emptyCharts = initCharts(onTunnelStats);
  onTunnelState(({ state, step, attempt, error }) => {
    const again = attempt ? `, attempt ${attempt}` : '';
    log(
      step && step !== state ? `${state}: ${step}${again}` : `${state}${again}`,
      state === 'ready' ? 'good' : state === 'failed' ? 'bad' : 'info',
    );
    if (error) log(told(error), 'bad');
    if (step) element('setup-progress').value = STEPS.indexOf(step) + 1;
    showState(state === 'shutdown' ? 'idle' : state === 'shutting_down' ? 'connecting' : state);
    if (state === 'ready') showPath().catch((failure) => log(told(failure), 'bad'));
  });
  tunnelEvents.addEventListener('warning', ({ detail }) => log(told(detail.error), 'bad'));
  tunnelEvents.addEventListener('exitchange', () => log('another exit'));

  element('connect').addEventListener('click', async () => {
    emptyCharts();
    element('setup-progress').value = 0;
    const begun = performance.now();
    try {
      await setupMixTunnel(chosenOptions(config.options));
      const { setup } = await getTunnelStats();
      const parts = STEPS.slice(0, -1).map((step) => `${step} ${Math.round(setup[step] ?? 0)}`);
      log(`set up in ${ms(performance.now() - begun)} (${parts.join(', ')})`, 'good');
    } catch (error) {
      showState('failed');
      log(told(error), 'bad');
    }
  });
  element('disconnect').addEventListener('click', () => disconnectMixTunnel());
  element('switch').addEventListener('click', async () => {
    try {
      await switchExit();
    } catch (error) {
      log(told(error), 'bad');
    }
  });
  showState('idle');
}
