// The page's log: what happened, when, newest last, at most so many lines.
import { element } from './dom.js';

const MAX_LINES = 300;

/** @param {string} text @param {'info' | 'good' | 'bad'} [kind] */
export function log(text, kind = 'info') {
  const list = element('log');
  const item = document.createElement('li');
  item.dataset.kind = kind;
  const time = document.createElement('time');
  time.textContent = new Date().toLocaleTimeString(undefined, { hour12: false });
  item.append(time, ` ${text}`);
  list.append(item);
  while (list.childElementCount > MAX_LINES) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

export function initLog() {
  element('log-clear').addEventListener('click', () => element('log').replaceChildren());
}
