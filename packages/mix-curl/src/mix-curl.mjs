#!/usr/bin/env node
// mix-curl: one request through the mixnet, with curl's flags. The body goes to stdout or a file,
// the story to stderr.
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { mixFetch } from '@mixweb/mix-fetch';
import {
  disconnectMixTunnel,
  getTunnelInfo,
  onTunnelState,
  setupMixTunnel,
} from '@mixweb/mix-tunnel';

import { readArguments, USAGE, UsageError } from './arguments.mjs';
import { dataOf, upload } from './body.mjs';
import {
  EXIT_HTTP_STATUS,
  EXIT_ROOTS,
  EXIT_USAGE,
  EXIT_WRITE,
  exitCodeOf,
  Failure,
} from './exit-codes.mjs';
import { headLines, progressMeter, writeOut } from './output.mjs';
import { tunnelOptions } from './tunnel-flags.mjs';

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

/** Lines of the story, as curl marks them: * what happens, > what is sent, < what comes. */
const storyTeller =
  ({ verbose }) =>
  (mark, line) => {
    if (verbose) process.stderr.write(`${mark} ${line}\n`);
  };

function outputFile({ output, 'remote-name': remoteName }, url) {
  if (output !== undefined) return output === '-' ? undefined : output;
  if (!remoteName) return undefined;
  const name = basename(new URL(url).pathname);
  if (name === '') throw new Failure('-O: the URL names no file', EXIT_WRITE);
  return name;
}

/** Method, address and body that the flags come to; sets the headers that go with them. */
async function requestOf({ flags, tokens, url, setDefault }) {
  if (flags['upload-file'] !== undefined) {
    return { method: flags.request ?? 'PUT', url, body: await upload(flags['upload-file']) };
  }
  const data = await dataOf(tokens);
  if (flags.json) setDefault('accept', JSON_TYPE);
  if (flags.get && data !== undefined) {
    const place = new URL(url);
    place.search = [place.search.slice(1), data.toString()].filter(Boolean).join('&');
    return { method: flags.request ?? (flags.head ? 'HEAD' : 'GET'), url: place.href };
  }
  if (data !== undefined) setDefault('content-type', flags.json ? JSON_TYPE : FORM);
  const usual = flags.head ? 'HEAD' : data === undefined ? 'GET' : 'POST';
  return { method: flags.request ?? usual, url, body: data };
}

async function tellHead(response, flags, say) {
  const lines = headLines(response);
  for (const line of lines) say('<', line);
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  const dump = flags['dump-header'];
  if (dump !== undefined && dump !== '-') await writeFile(dump, head);
  if (flags.include || flags.head || dump === '-') process.stdout.write(head);
}

/** Does it all; `seen` learns what there is for -w, also when it fails. */
async function transfer(given, seen) {
  const { flags, headers, maxTimeMs, maxRedirections } = given;
  const say = storyTeller(flags);
  const { method, url, body } = await requestOf(given);
  seen.url = url;
  const file = outputFile(flags, url);
  onTunnelState(({ state, step }) => say('*', step ? `${state}: ${step}` : state));
  const options = await tunnelOptions(flags).catch((error) => {
    throw new Failure(error.message, EXIT_ROOTS);
  });
  await setupMixTunnel(options);
  if (flags.verbose) {
    const info = await getTunnelInfo();
    say('*', `entry gateway ${info.gateway}`);
    say('*', `exit ${info.exit} (protocol ${info.exitVersion}, MTU ${info.mtu})`);
  }
  say('>', `${method} ${url}`);
  for (const [name, value] of headers) say('>', `${name}: ${value}`);
  const meter = progressMeter({ isSilent: flags.silent, toFile: file !== undefined });
  const response = await mixFetch(url, {
    method,
    headers,
    redirect: flags.location ? 'follow' : 'manual',
    maxRedirections,
    onDownloadProgress: (progress) => {
      seen.size = progress.loaded;
      meter?.show(progress);
    },
    ...(body === undefined ? {} : { body }),
    ...(maxTimeMs === undefined ? {} : { timeoutMs: maxTimeMs }),
  });
  seen.response = response;
  if (response.redirected) say('*', `redirected to ${response.url}`);
  if (flags.fail && response.status >= 400) {
    await response.body?.cancel();
    throw new Failure(`the server answered ${response.status}`, EXIT_HTTP_STATUS);
  }
  await tellHead(response, flags, say).catch((error) => {
    throw new Failure(error.message, EXIT_WRITE);
  });
  if (response.body) {
    const sink = file === undefined ? process.stdout : createWriteStream(file);
    sink.on('error', (error) => (error.exitCode = EXIT_WRITE));
    await pipeline(response.body, sink, { end: file !== undefined });
  }
  meter?.end();
  seen.timing = mixFetch.timing(response);
  if (seen.timing) {
    say('*', `done in ${Math.round(seen.timing.end ?? 0)} ms ${JSON.stringify(seen.timing)}`);
  }
}

async function main(given) {
  const { flags } = given;
  const seen = { size: 0, url: given.url };
  let exitCode = 0;
  try {
    await transfer(given, seen);
  } catch (error) {
    exitCode = exitCodeOf(error);
    if (!flags.silent || flags['show-error']) {
      process.stderr.write(`mix-curl: ${error.message}${error.code ? ` (${error.code})` : ''}\n`);
    }
  } finally {
    await disconnectMixTunnel();
  }
  const format = flags['write-out'];
  if (format !== undefined) process.stdout.write(writeOut(format, { ...seen, exitCode }));
  return exitCode;
}

try {
  const given = readArguments(process.argv.slice(2));
  if (given.flags.help) process.stdout.write(USAGE);
  else process.exitCode = await main(given);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`mix-curl: ${error.message}\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}
