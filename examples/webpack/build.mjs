// As webpack's own command line: `node build.mjs [FOLDER]`, default ./www.
import webpack from 'webpack';

import config from './webpack.config.js';

const [path = config.output.path] = process.argv.slice(2);
webpack({ ...config, output: { ...config.output, path } }, (error, stats) => {
  if (error) throw error;
  if (!stats.hasErrors() && !stats.hasWarnings()) return;
  console.error(stats.toString());
  process.exitCode = 1;
});
