// The inlined module as text: base64 of what tools/pack-module packs. Unpacked here and not in the
// page, whose thread has better things to do. ADR 0014.
import inlinedUnpacker from '#inlined-unpacker';

import { fromBase64 } from './inlined.ts';

const PAGE = 64 * 1024;
const SIZE_FIELD = 4;

/** wasm/unpack/module.cpp */
interface Unpacker {
  memory: WebAssembly.Memory;
  /** Address from which on memory is free. */
  free(): number;
  unpack(packed: number, packedSize: number, out: number, size: number): number;
}

/** The module's bytes. Rejects when `text` was damaged. */
export async function unpackModule(text: string): Promise<ArrayBuffer> {
  const { instance } = await WebAssembly.instantiate(fromBase64(inlinedUnpacker));
  const { memory, free, unpack } = instance.exports as unknown as Unpacker;
  const packed = fromBase64(text);
  const size = new DataView(packed.buffer).getUint32(0, true);
  const stream = packed.subarray(SIZE_FIELD);
  const from = free();
  const to = from + stream.byteLength;
  const missing = to + size - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  new Uint8Array(memory.buffer).set(stream, from);
  if (unpack(from, stream.byteLength, to, size) !== 1) throw new Error('it is damaged');
  return memory.buffer.slice(to, to + size);
}
