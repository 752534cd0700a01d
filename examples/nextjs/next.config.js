// The page needs no server, so it is exported as files: ./out.
export default {
  output: 'export',
  turbopack: {
    // This repository's own settings lead the package's name to its sources; your project needs no such line.
    resolveAlias: { '@mixweb/mix-tunnel': '../../packages/mix-tunnel/dist/index.js' },
  },
};
