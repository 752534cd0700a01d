// Modules that the build supplies (tools/build-packages.mjs), and one that has no types.
/* eslint-disable no-restricted-syntax -- their authors chose default exports */
declare module '#inlined-wasm' {
  const base64Xz: string;
  export default base64Xz;
}
declare module '#inlined-worker' {
  const base64Gzip: string;
  export default base64Gzip;
}
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { Endpoint } from 'comlink';
  export default function nodeEndpoint(port: object): Endpoint;
}
declare module '#directory-calls' {
  const paths: { always: string[]; exit: string[] };
  export default paths;
}
declare module '#mixweb-module' {
  const createMixweb: unknown;
  export default createMixweb;
}
