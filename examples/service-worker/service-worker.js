// The service worker's half of through-page.js: requests of the page for other servers are answered
// by the page through its tunnel, or fail. None of them goes over the clear network.
const DIRECT = new Set([
  location.origin,
  ...new URL(location.href).searchParams.getAll('direct').map((url) => new URL(url).origin),
]);

addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('message', (event) => {
  if (event.data?.kind === 'claim') event.waitUntil(clients.claim());
});
addEventListener('fetch', (event) => {
  if (DIRECT.has(new URL(event.request.url).origin)) return;
  event.respondWith(throughPage(event).catch(() => Response.error()));
});

/** The page that asks, or any one for a worker of it. */
async function pageOf({ clientId }) {
  const client = await clients.get(clientId);
  if (client?.type === 'window') return client;
  const [page] = await clients.matchAll({ type: 'window' });
  if (page === undefined) throw new TypeError('no page holds a tunnel');
  return page;
}

async function throughPage(event) {
  const { url, method, headers, credentials, redirect, signal } = event.request;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? await event.request.arrayBuffer() : undefined;
  const request = { url, method, headers: [...headers], body, credentials, redirect };
  const page = await pageOf(event);
  const { port1: port, port2 } = new MessageChannel();
  const next = () =>
    new Promise((resolve, reject) => {
      port.onmessage = ({ data }) => {
        if (data?.error === undefined) resolve(data);
        else reject(new TypeError(data.error));
      };
    });
  const cancel = () => port.postMessage('cancel');
  signal.addEventListener('abort', cancel, { once: true });

  const answered = next();
  page.postMessage({ kind: 'request', request }, [port2]);
  const { hasBody: streams, ...head } = await answered;
  if (!streams) return new Response(null, head);
  // One chunk at a time, when the reader wants it.
  const pull = async (controller) => {
    const arrived = next();
    port.postMessage('pull');
    const chunk = await arrived;
    if (chunk === null) controller.close();
    else controller.enqueue(chunk);
  };
  return new Response(new ReadableStream({ pull, cancel }, { highWaterMark: 0 }), head);
}
