// The chat's page: join, talk, leave.
import { disconnectMixTunnel, setupMixTunnel, type SetupMixTunnelOpts } from '@mixweb/mix-tunnel';

import { Chat, type ChatListener } from './chat.ts';

/** www/config.json: what a build of the app is for. */
interface Config {
  server: string;
  tunnel: SetupMixTunnelOpts;
}

function element<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}
const status = element('status', HTMLElement);
const joinForm = element('join', HTMLFormElement);
const joinButton = joinForm.querySelector('button');
const nameInput = element('name', HTMLInputElement);
const serverInput = element('server', HTMLInputElement);
const trouble = element('trouble', HTMLElement);
const room = element('room', HTMLElement);
const log = element('log', HTMLOListElement);
const sayForm = element('say', HTMLFormElement);
const textInput = element('text', HTMLInputElement);
const leaveButton = element('leave', HTMLButtonElement);

function showStatus(text: string, on: 'on' | 'off' = 'off'): void {
  status.textContent = text;
  status.dataset['status'] = on;
}

function showMessage(from: string, text: string, own: boolean): void {
  const item = document.createElement('li');
  const name = document.createElement('span');
  name.className = 'from';
  name.textContent = own ? 'you' : from;
  item.append(name, text);
  if (own) item.className = 'own';
  // Whoever reads further up is not pulled away.
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(item);
  if (atEnd || own) item.scrollIntoView({ block: 'end' });
}

const listener: ChatListener = {
  said: ({ from, text, own }) => showMessage(from, text, own),
  people: (count) => showStatus(count === 1 ? 'only you' : `${count} people`, 'on'),
  lost: () => showStatus('connection lost, trying again…'),
};

let chat: Chat | undefined;

async function join({ tunnel }: Config): Promise<void> {
  trouble.textContent = '';
  if (joinButton) joinButton.disabled = true;
  try {
    await setupMixTunnel({
      ...tunnel,
      onState: ({ state, step }) => {
        if (state === 'connecting') showStatus(`mixnet: ${step ?? 'connecting'}…`);
        if (state === 'ready') showStatus('mixnet: ready', 'on');
        if (state === 'failed') showStatus('the tunnel has failed');
      },
    });
    chat = new Chat(serverInput.value, nameInput.value.trim(), listener);
    await chat.join();
    joinForm.hidden = true;
    room.hidden = false;
    textInput.focus();
  } catch (error) {
    chat = undefined;
    await disconnectMixTunnel();
    showStatus('not connected');
    trouble.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    if (joinButton) joinButton.disabled = false;
  }
}

async function say(): Promise<void> {
  const text = textInput.value.trim();
  if (text === '') return;
  try {
    await chat?.say(text);
    textInput.value = '';
  } catch {
    // What was typed stays for another try.
    showStatus('not sent: connection lost, trying again…');
  }
}

async function leave(): Promise<void> {
  const left = chat?.leave();
  chat = undefined;
  await left;
  await disconnectMixTunnel();
  log.replaceChildren();
  room.hidden = true;
  joinForm.hidden = false;
  showStatus('not connected');
  nameInput.focus();
}

const config = (await (await fetch('config.json')).json()) as Config;
serverInput.value = config.server;
joinForm.addEventListener('submit', (event) => {
  event.preventDefault();
  void join(config);
});
sayForm.addEventListener('submit', (event) => {
  event.preventDefault();
  void say();
});
leaveButton.addEventListener('click', () => void leave());
