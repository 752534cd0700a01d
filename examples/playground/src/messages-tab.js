// Messages to other clients, and anonymous answers by reply blocks.
import { mixSend, onMixMessage } from '@mixweb/mix-tunnel';

import { element, ms, onSubmit, told } from './dom.js';
import { log } from './log.js';

const PREVIEW = 500; // characters

function showReceived(message) {
  const item = document.createElement('li');
  const text = document.createElement('p');
  text.textContent = message.text().slice(0, PREVIEW);
  const from = document.createElement('small');
  from.textContent = message.senderTag
    ? `from the pseudonym ${message.senderTag}`
    : 'from nobody who can be answered';
  item.append(text, from);
  if (message.senderTag) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.textContent = 'Answer';
    button.setAttribute('aria-label', `Answer “${text.textContent.slice(0, 40)}”`);
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        await message.reply(`answer to: ${message.text().slice(0, PREVIEW)}`);
        log('answered by reply blocks', 'good');
      } catch (error) {
        log(told(error), 'bad');
      }
    });
    item.append(button);
  }
  element('message-log').prepend(item);
  log('message received');
}

export function initMessages() {
  onMixMessage(showReceived);
  onSubmit(element('message-form'), async () => {
    const progress = element('message-progress');
    progress.hidden = false;
    element('message-state').textContent = 'sending…';
    const begun = performance.now();
    try {
      await mixSend(element('message-to').value, element('message-text').value, {
        replySurbs: Number(element('message-surbs').value),
      });
      element('message-state').textContent = `acknowledged after ${ms(performance.now() - begun)}`;
      log('message acknowledged', 'good');
    } catch (error) {
      element('message-state').textContent = told(error);
      log(told(error), 'bad');
    } finally {
      progress.hidden = true;
    }
  });
}
