// Connects when it is mounted, then fetches what the form says.
import { mixFetch, setupMixTunnel } from '@mixweb/mix-fetch';
import { useEffect, useState } from 'react';

import { useTunnel } from './use-tunnel.js';

const label = ({ state, step, error }) => {
  if (state === 'ready') return 'connected';
  if (error) return `${state}: ${error.message}`;
  return step === undefined ? state : `${state}: ${step}`;
};

/** @param {{ config: { url: string, tunnel?: object } }} props */
export function App({ config }) {
  const tunnel = useTunnel();
  const [url, setUrl] = useState(config.url);
  const [answer, setAnswer] = useState('');
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    // In development effects run twice: the second call shares the first one's tunnel.
    setupMixTunnel({ ...config.tunnel, reuse: 'share' }).catch(() => undefined); // the state tells
  }, [config.tunnel]);

  const load = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const response = await mixFetch(url);
      const { byteLength } = await response.arrayBuffer();
      setAnswer(`${response.status} with ${byteLength} bytes`);
    } catch (error) {
      setAnswer(`failed: ${error.message}`);
    }
    setBusy(false);
  };

  return (
    <main>
      <h1>Vite and React</h1>
      <p>
        <output id="state">{label(tunnel)}</output>
      </p>
      <form onSubmit={load}>
        <label htmlFor="url">Address</label>{' '}
        <input
          id="url"
          type="url"
          required
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />{' '}
        <button id="start" disabled={busy || tunnel.state !== 'ready'}>
          Fetch
        </button>
      </form>
      <p>
        <output id="answer">{answer}</output>
      </p>
    </main>
  );
}
