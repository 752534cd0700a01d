// The few commands of W3C WebDriver that the tests need, over fetch.

/** The key under which an element's reference crosses. W3C WebDriver §11 */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const SCRIPT_TIMEOUT_MS = 120_000;

/** Runs in the page; the last argument tells the driver of the end. */
const evaluator = (source) => `
  const [args, done] = arguments;
  Promise.resolve().then(() => (${source})(...args)).then(
    (value) => done(value === undefined ? {} : { value }),
    (error) => done({ error: String(error?.stack ?? ''), message: String(error) }),
  );`;

/** A page as the tests drive it, in the shape of Puppeteer's. */
export class DriverPage {
  #call;

  /** @param {(method: string, path: string, body?: object) => Promise<unknown>} call */
  constructor(call) {
    this.#call = call;
  }

  /** @param {string} url */
  async goto(url) {
    await this.#call('POST', '/url', { url });
  }

  /**
   * Runs a function in the page; arguments and result cross as JSON.
   *
   * @template {unknown[]} A
   * @template R
   * @param {(...args: A) => R} action
   * @param {A} args
   * @returns {Promise<Awaited<R>>}
   */
  async evaluate(action, ...args) {
    const script = evaluator(String(action));
    const outcome = await this.#call('POST', '/execute/async', { script, args: [args] });
    if (outcome.message !== undefined) throw new Error(`${outcome.message}\n${outcome.error}`);
    return outcome.value;
  }

  /** @param {string} selector */
  async click(selector) {
    await this.#call('POST', `/element/${await this.#find(selector)}/click`, {});
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  async type(selector, text) {
    await this.#call('POST', `/element/${await this.#find(selector)}/value`, { text });
  }

  async #find(selector) {
    const found = await this.#call('POST', '/element', { using: 'css selector', value: selector });
    return found[ELEMENT];
  }
}

/**
 * Opens a session at a driver.
 *
 * @param {string} driver its address
 * @param {object} capabilities
 */
export async function openSession(driver, capabilities) {
  const call = async (method, path, body) => {
    const response = await fetch(`${driver}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  const { sessionId } = await call('POST', '/session', {
    capabilities: { alwaysMatch: capabilities },
  });
  const inSession = (method, path, body) => call(method, `/session/${sessionId}${path}`, body);
  await inSession('POST', '/timeouts', { script: SCRIPT_TIMEOUT_MS });
  return {
    page: new DriverPage(inSession),
    close: () => inSession('DELETE', ''),
  };
}
