// Driving a page as its user does: waiting for what it shows.
import type { TestPage } from '@mixweb/testing/browsers';

/** For machines that are busy with other tests. */
const PATIENCE_MS = 120_000;

/** Resolves with the element's text, or the field's value, once that matches. */
export async function untilText(page: TestPage, selector: string, wanted: RegExp): Promise<string> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const text = await page.evaluate((query) => {
      const element = document.querySelector<HTMLElement>(query);
      return element instanceof HTMLInputElement ? element.value : (element?.innerText ?? '');
    }, selector);
    if (wanted.test(text)) return text;
    if (Date.now() > deadline) throw new Error(`${selector} shows "${text}", not ${wanted}`);
  }
}

/** Replaces what a field holds by what is typed. */
export async function fill(page: TestPage, selector: string, text: string): Promise<void> {
  await page.evaluate((query) => {
    const field = document.querySelector<HTMLInputElement>(query);
    if (field) field.value = '';
  }, selector);
  await page.type(selector, text);
}
