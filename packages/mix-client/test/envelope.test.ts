import { describe, expect, it } from 'vitest';

import { decodeEnvelope, encodeEnvelope } from '../src/envelope.ts';

const payload = new Uint8Array([7, 8, 9]);

describe('the envelope', () => {
  it('has size, metadata and payload as the SDK writes them', () => {
    const bytes = encodeEnvelope({ mimeType: 'text/plain', payload });
    const metadata = '{"mimeType":"text/plain","headers":null}';
    expect([...bytes.subarray(0, 8)]).toEqual([0, 0, 0, 0, 0, 0, 0, metadata.length]);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + metadata.length))).toBe(metadata);
    expect(bytes.subarray(8 + metadata.length)).toEqual(payload);
  });

  it.each([{}, { headers: 'a: ü' }])('reads back what it wrote with %j', (more) => {
    const envelope = { mimeType: 'application/x-any', payload, ...more };
    const bytes = encodeEnvelope(envelope);
    expect(decodeEnvelope(bytes)).toEqual(envelope);
    // Also as a part of a larger buffer.
    const larger = new Uint8Array(bytes.length + 5);
    larger.set(bytes, 5);
    expect(decodeEnvelope(larger.subarray(5))).toEqual(envelope);
  });

  it('takes nothing for an envelope that is none', () => {
    const bytes = encodeEnvelope({
      mimeType: 'text/plain',
      headers: 'h',
      payload: new Uint8Array(),
    });
    for (let size = 0; size < bytes.length; size++) {
      expect(decodeEnvelope(bytes.subarray(0, size))).toBeUndefined();
    }
    for (const metadata of ['null', '7', '{}', '{"mimeType":1}', '{"mimeType":', '\u00ff']) {
      const text = new TextEncoder().encode(metadata);
      expect(decodeEnvelope(new Uint8Array([0, 0, 0, 0, 0, 0, 0, text.length, ...text]))).toBe(
        undefined,
      );
    }
    expect(decodeEnvelope(new Uint8Array(64).fill(255))).toBeUndefined();
  });
});
