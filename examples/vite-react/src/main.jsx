import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app.jsx';

const config = await (await fetch('config.json')).json();
createRoot(document.getElementById('root')).render(
  <StrictMode>
    <App config={config} />
  </StrictMode>,
);
