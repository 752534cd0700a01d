// The page's half: a service worker may not start workers, so it cannot hold a tunnel; it hands
// every request for another server to the page, which has one. A request is one MessageChannel:
//
//   service worker → page    { kind: 'request', request } with the port; then 'pull' | 'cancel'
//   page → service worker    { status, statusText, headers, hasBody } | { error }; then chunk | null
import { mixFetch } from '@mixweb/mix-fetch';

/**
 * Resolves when the page is under the service worker's control.
 *
 * @param {string} script address of service-worker.js
 * @param {string[]} directories origins that the tunnel itself asks
 */
export async function startServiceWorker(script, directories) {
  const { serviceWorker } = navigator;
  // In the script's address, because a service worker forgets everything else between two requests.
  const query = new URLSearchParams(directories.map((origin) => ['direct', origin]));
  await serviceWorker.register(`${script}?${query}`);
  const { active } = await serviceWorker.ready;
  const controlled = new Promise((resolve) => {
    serviceWorker.addEventListener('controllerchange', resolve, { once: true });
  });
  // First visits and forced reloads begin without a controller.
  if (serviceWorker.controller === null) {
    active.postMessage({ kind: 'claim' });
    await controlled;
  }
}

/** Answers what the service worker asks, from now on. */
export function serveRequests() {
  navigator.serviceWorker.addEventListener('message', ({ data, ports: [port] }) => {
    if (data?.kind === 'request') void answer(data.request, port);
  });
  navigator.serviceWorker.startMessages();
}

async function answer({ url, ...init }, port) {
  const stopping = new AbortController();
  let reader;
  port.onmessage = async ({ data }) => {
    if (data === 'cancel') {
      stopping.abort();
      return;
    }
    try {
      const { value = null } = await reader.read();
      port.postMessage(value);
    } catch (error) {
      port.postMessage({ error: error.message });
    }
  };
  try {
    const response = await mixFetch(url, { ...init, signal: stopping.signal });
    reader = response.body?.getReader();
    const { status, statusText } = response;
    const hasBody = reader !== undefined;
    port.postMessage({ status, statusText, headers: [...response.headers], hasBody });
  } catch (error) {
    port.postMessage({ error: error.message });
  }
}
