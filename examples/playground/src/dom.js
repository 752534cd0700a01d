// What all parts of the page need of the document.

export const element = (id) => document.getElementById(id);
export const ms = (duration) => `${Math.round(duration).toLocaleString()} ms`;
export const told = (error) =>
  `${error.message}${error.code && error.code !== error.message ? ` (${error.code})` : ''}`;

/** Replaces the rows of a definition list. */
export function showFacts(list, facts) {
  list.replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => {
      const term = document.createElement('dt');
      term.textContent = name;
      const detail = document.createElement('dd');
      detail.textContent = value;
      return [term, detail];
    }),
  );
}

/** Appends a line of text and keeps the end in view. */
export function appendLine(box, text) {
  box.append(`${text}\n`);
  box.scrollTop = box.scrollHeight;
}

/** Size for people, in powers of ten as transfer rates are. */
export function bytes(count) {
  if (count < 1000) return `${Math.round(count)} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(1)} kB`;
  return `${(count / 1_000_000).toFixed(2)} MB`;
}

/** Runs `action` on submit of a form, never twice at a time. */
export function onSubmit(form, action) {
  let running = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) return;
    running = true;
    const button = form.querySelector('button:not([type])');
    button.setAttribute('aria-busy', 'true');
    try {
      await action();
    } finally {
      running = false;
      button.removeAttribute('aria-busy');
    }
  });
}
