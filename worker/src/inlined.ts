// What the build inlines as text.

/** Some engines do it natively, ten times as fast. */
const native = Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (native.fromBase64 !== undefined) return native.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Undoes the build's gzip + base64. */
export async function gunzip(base64Gzip: string): Promise<ArrayBuffer> {
  const packed = new Blob([fromBase64(base64Gzip)]);
  const unpacked = packed.stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(unpacked).arrayBuffer();
}
