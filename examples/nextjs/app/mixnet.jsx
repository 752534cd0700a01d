'use client';
// A client component: the tunnel lives in the page. The import within the effect keeps the module
// out of what the server renders and out of the first load.
import { useEffect, useRef, useState } from 'react';

export function Mixnet() {
  const [state, setState] = useState('connecting…');
  const [url, setUrl] = useState('');
  const [answer, setAnswer] = useState('');
  const mixFetch = useRef();
  const isReady = state === 'connected';

  useEffect(() => {
    const connect = async () => {
      const [config, packageOfFetch] = await Promise.all([
        fetch('config.json').then((response) => response.json()),
        import('@mixweb/mix-fetch'),
      ]);
      setUrl(config.url);
      // In development effects run twice: the second call shares the first one's tunnel.
      await packageOfFetch.setupMixTunnel({ ...config.tunnel, reuse: 'share' });
      mixFetch.current = packageOfFetch.mixFetch;
      setState('connected');
    };
    connect().catch((error) => setState(`failed: ${error.message}`));
  }, []);

  const load = async (event) => {
    event.preventDefault();
    try {
      const response = await mixFetch.current(url);
      const { byteLength } = await response.arrayBuffer();
      setAnswer(`${response.status} with ${byteLength} bytes`);
    } catch (error) {
      setAnswer(`failed: ${error.message}`);
    }
  };

  return (
    <>
      <p>
        <output id="state">{state}</output>
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
        <button id="start" disabled={!isReady}>
          Fetch
        </button>
      </form>
      <p>
        <output id="answer">{answer}</output>
      </p>
    </>
  );
}
