// WebKitGTK's WebView on a display of its own (Xvfb), driven by WebKitWebDriver.
import { fileURLToPath } from 'node:url';

import { freePort, runProcess, temporaryFolder } from './process.mjs';
import { openSession } from './web-driver.mjs';

const WEB_VIEW = fileURLToPath(new URL('web-view.py', import.meta.url));
const DRIVER = '/usr/bin/WebKitWebDriver';
const DISPLAY_SIZE = '1280x1024x24';

/**
 * Starts display, driver and view.
 *
 * @param {{ scheme?: string, origin?: string }} [options] serve an HTTP origin's pages also under
 *   `scheme://localhost/`
 */
export async function startWebKit({ scheme, origin } = {}) {
  const folder = temporaryFolder('webkit');
  const display = await runProcess(
    'Xvfb',
    ['-displayfd', '1', '-screen', '0', DISPLAY_SIZE, '-nolisten', 'tcp'],
    (output) => /^(\d+)$/m.exec(output)?.[1],
  );
  const port = await freePort();
  const driver = await runProcess(DRIVER, [`--port=${port}`], undefined, {
    probe: async () => (await fetch(`http://127.0.0.1:${port}/status`)).ok,
    env: {
      DISPLAY: `:${display.value}`,
      GDK_BACKEND: 'x11',
      HOME: folder.path,
      XDG_RUNTIME_DIR: folder.path,
      GSETTINGS_BACKEND: 'memory',
      NO_AT_BRIDGE: '1',
      // There is no graphics card to ask.
      WEBKIT_DISABLE_DMABUF_RENDERER: '1',
      LIBGL_ALWAYS_SOFTWARE: '1',
    },
  });
  const stop = async () => {
    await driver.stop();
    await display.stop();
    folder.dispose();
  };
  try {
    const args = [WEB_VIEW, ...(scheme === undefined ? [] : [scheme, origin])];
    const session = await openSession(`http://127.0.0.1:${port}`, {
      'webkitgtk:browserOptions': { binary: '/usr/bin/python3', args },
    });
    return {
      page: session.page,
      async stop() {
        await session.close();
        await stop();
      },
    };
  } catch (cause) {
    await stop();
    throw new Error(`WebKitGTK does not start:\n${driver.output()}`, { cause });
  }
}
