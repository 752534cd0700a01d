// Where pages of native shells live: strict policies, no origin, files, schemes of their own,
// refused storage and refused workers. The same cases in every engine.
import type { SetupMixTunnelOpts } from '@mixweb/mix-tunnel';
import { startInternet, UNSHAPED } from '@mixweb/testing';
import {
  BROWSERS,
  launchPage,
  servePages,
  untilImported,
  writePageFiles,
  type TestPage,
} from '@mixweb/testing/browsers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { mainFlow, runMainFlow, type Flow, type FlowFailure } from './support/main-flow.ts';

/** A worker on a platform whose WebSocket constructor throws. */
const SOCKETLESS = `
globalThis.WebSocket = class { constructor() { throw new DOMException('refused', 'SecurityError'); } };
importScripts('/packages/mix-tunnel/dist/worker.js');`;

/** What every page gets. */
const flow: Omit<Flow, 'origin'> = { bytes: 1024, warnings: [] };
let internet: Awaited<ReturnType<typeof startInternet>>;
let pages: Awaited<ReturnType<typeof servePages>>;
let files: Awaited<ReturnType<typeof writePageFiles>>;

const options = (extra: SetupMixTunnelOpts = {}): SetupMixTunnelOpts => ({
  ...internet.tunnel,
  ...UNSHAPED,
  ...extra,
});

beforeAll(async () => {
  internet = await startInternet();
  pages = await servePages({ scripts: { '/socketless-worker.js': SOCKETLESS } });
  files = await writePageFiles();
});
afterAll(async () => {
  files.dispose();
  await pages.stop();
  await internet.stop();
});

describe.each(BROWSERS)('in %s', (name) => {
  let browser: Awaited<ReturnType<typeof launchPage>>;
  let page: TestPage;

  beforeAll(async () => {
    browser = await launchPage(name, { scheme: 'capacitor', origin: pages.origin });
    ({ page } = browser);
  });
  afterAll(() => browser.close());

  describe('under a strict Content-Security-Policy', () => {
    afterEach(() => pages.setPolicy(undefined));

    /** What docs/content-security-policy.md says, with the addresses of this internet. */
    const policy = (entry: 'index' | 'separate', worker: string, script = ''): string =>
      [
        `default-src 'none'`,
        `script-src 'self' 'wasm-unsafe-eval' ${pages.importMapHash(entry)} ${script}`,
        `worker-src ${worker}`,
        `connect-src ${[
          new URL(internet.directory).origin,
          ...(internet.localnet.entries as { url: string }[]).map(({ url }) => new URL(url).origin),
          ...(entry === 'separate' ? [`'self'`] : []),
        ].join(' ')}`,
      ].join('; ');

    it('the inlined entry runs from blob:', async () => {
      pages.setPolicy(policy('index', 'blob:'));
      await browser.open(pages.url('index'));
      expect(await runMainFlow(page, options())).toEqual({ ...flow, origin: pages.origin });
    });

    it('the separate entry runs without blob:', async () => {
      pages.setPolicy(policy('separate', `'self'`));
      await browser.open(pages.url('separate'));
      expect(await runMainFlow(page, options())).toEqual({ ...flow, origin: pages.origin });
    });

    it('the inlined entry takes the file beside it where blob: is refused', async () => {
      pages.setPolicy(policy('index', `'self'`));
      await browser.open(pages.url('index'));
      expect(await runMainFlow(page, options())).toEqual({ ...flow, origin: pages.origin });
    });

    it('says so when no worker may start', async () => {
      pages.setPolicy(policy('index', `'none'`));
      await browser.open(pages.url('index'));
      const failure = (await runMainFlow(page, options())) as FlowFailure;
      expect(failure.code).toBe('SETUP_FAILED');
      expect(failure.message).toMatch(
        /^tunnel error: the worker does not start: blob: \(.+\), http.+worker\.js \(.+\); allow blob:/,
      );
    });

    it('says so when WebAssembly is refused', async () => {
      pages.setPolicy(policy('index', 'blob:').replace(`'wasm-unsafe-eval'`, ''));
      await browser.open(pages.url('index'));
      const failure = (await runMainFlow(page, options())) as FlowFailure;
      expect(failure.code).toBe('SETUP_FAILED');
      expect(failure.message).toMatch(/^tunnel error: the wasm module does not (load|start): /);
    });
  });

  it('runs in a page of files', async () => {
    await browser.open(files.url);
    expect(await runMainFlow(page, options())).toMatchObject(flow);
  });

  it('runs in about:blank', async () => {
    await page.goto('about:blank');
    await page.evaluate((text) => {
      document.open();
      document.write(text);
      document.close();
    }, pages.document('index'));
    await untilImported(page);
    expect(await runMainFlow(page, options())).toMatchObject(flow);
  });

  it('runs without an origin, where storage is refused', async () => {
    await browser.open(pages.url('index'));
    const document = `${pages.document('index')}<script type="module">
      const flow = ${String(mainFlow)};
      parent.postMessage(await flow(${JSON.stringify(options({ clientId: 'kept' }))}), '*');
    </script>`;
    const answer = await page.evaluate(async (text) => {
      const frame = window.document.createElement('iframe');
      frame.setAttribute('sandbox', 'allow-scripts');
      frame.srcdoc = text;
      const told = new Promise<unknown>((resolve) => {
        window.addEventListener('message', ({ data }) => resolve(data), { once: true });
      });
      window.document.body.append(frame);
      const said = await told;
      frame.remove();
      return said;
    }, document);
    expect(answer).toEqual({ ...flow, origin: 'null', warnings: ['STORAGE'] });
  });

  it('reports a WebSocket constructor that throws', async () => {
    await browser.open(pages.url('index'));
    const failure = await runMainFlow(
      page,
      options({ workerUrl: '/socketless-worker.js', reconnect: false } as SetupMixTunnelOpts),
    );
    expect(failure).toMatchObject({ code: 'GATEWAY_UNREACHABLE' });
  });

  if (name === 'webkit') {
    it.each(['index', 'separate'] as const)(
      'runs in a page of a scheme of its own, by the %s entry',
      async (entry) => {
        await browser.open(`capacitor://localhost/test-${entry}.html`);
        expect(await runMainFlow(page, options())).toEqual({
          ...flow,
          origin: 'capacitor://localhost',
        });
      },
    );
  }
});
