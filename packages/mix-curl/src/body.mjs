// What is sent: the pieces of the data flags in their order, or a file.
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { EXIT_READ, Failure } from './exit-codes.mjs';

const DATA_FLAGS = ['data', 'data-raw', 'data-binary', 'data-urlencode', 'json'];

const read = (file) =>
  (file === '-' ? buffer(process.stdin) : readFile(file)).catch((error) => {
    throw new Failure(`cannot read ${file}: ${error.message}`, EXIT_READ);
  });

/** TEXT, =TEXT or NAME=TEXT: the text is encoded, the name is not. */
function urlEncoded(value) {
  const equals = value.indexOf('=');
  const name = equals > 0 ? value.slice(0, equals + 1) : '';
  return Buffer.from(`${name}${encodeURIComponent(value.slice(equals + 1))}`);
}

async function piece(flag, value) {
  if (flag === 'data-urlencode') return urlEncoded(value);
  if (flag === 'data-raw' || !value.startsWith('@')) return Buffer.from(value);
  const bytes = await read(value.slice(1));
  return flag === 'data'
    ? Buffer.from(bytes.toString('latin1').replace(/[\r\n]/g, ''), 'latin1')
    : bytes;
}

/** The data in the order given; undefined when there is none. */
export async function dataOf(tokens) {
  const pieces = [];
  for (const { kind, name, value } of tokens) {
    if (kind !== 'option' || !DATA_FLAGS.includes(name)) continue;
    if (pieces.length > 0 && name !== 'json') pieces.push(Buffer.from('&'));
    pieces.push(await piece(name, value));
  }
  return pieces.length === 0 ? undefined : Buffer.concat(pieces);
}

/** The file of -T. */
export const upload = (file) => read(file);
