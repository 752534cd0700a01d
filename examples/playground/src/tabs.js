// Tabs as the ARIA practices have them: one stop of the Tab key, arrows, Home and End within.

export function initTabs(list) {
  const tabs = [...list.querySelectorAll('[role=tab]')];
  const select = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute('aria-selected', String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen;
    }
    // On a phone the list is wider than the screen.
    tab.scrollIntoView({ block: 'nearest', inline: 'center' });
  };
  const moves = {
    ArrowRight: (at) => (at + 1) % tabs.length,
    ArrowLeft: (at) => (at + tabs.length - 1) % tabs.length,
    Home: () => 0,
    End: () => tabs.length - 1,
  };
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener('click', () => select(tab));
    tab.addEventListener('keydown', (event) => {
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      const next = tabs[move(at)];
      select(next);
      next.focus();
    });
  }
}
