// The packages need no loader and no plug-in. The alias is a choice: worker.js and mixweb.wasm then
// become files of their own, which webpack finds by `new URL('./…', import.meta.url)`, instead of
// being inside of the script.
import { fileURLToPath } from 'node:url';

export default {
  mode: 'production',
  context: fileURLToPath(new URL('.', import.meta.url)),
  entry: ['./src/index.html', './src/config.json', './src/main.js'],
  output: { path: fileURLToPath(new URL('www', import.meta.url)), filename: 'main.js' },
  resolve: { alias: { '@mixweb/mix-tunnel$': '@mixweb/mix-tunnel/separate' } },
  module: {
    rules: [
      {
        test: /\/src\/\w+\.(html|json)$/,
        type: 'asset/resource',
        generator: { filename: '[name][ext]' },
      },
    ],
  },
  // The module is half of a megabyte, on purpose.
  performance: { hints: false },
};
