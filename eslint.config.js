import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const nodeGlobals = Object.fromEntries(
  [
    'AbortController',
    'AbortSignal',
    'Blob',
    'Buffer',
    'clearInterval',
    'clearTimeout',
    'console',
    'fetch',
    'performance',
    'process',
    'queueMicrotask',
    'setImmediate',
    'setInterval',
    'setTimeout',
    'structuredClone',
    'TextDecoder',
    'TextEncoder',
    'URL',
    'WebSocket',
  ].map((name) => [name, 'readonly']),
);
const browserGlobals = Object.fromEntries(
  [
    'document',
    'window',
    'location',
    'self',
    'globalThis',
    'Worker',
    'navigator',
    'Response',
    'Request',
    'Headers',
    'crypto',
    'MessageChannel',
    'ReadableStream',
    'URLSearchParams',
  ].map((name) => [name, 'readonly']),
);

const constObjects = {
  selector: 'TSEnumDeclaration',
  message: 'Use a const object and a union type.',
};
const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Use a named export.',
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'build/**',
      '.deps/**',
      'examples/*/{www,out,.next}/**',
      '**/*.generated.ts',
      'docs/api/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strict],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': ['error', constObjects, noDefaultExport],
      'prefer-const': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    // Tests, tools and programs may speak; tool configurations want default exports.
    files: [
      '**/test/**',
      'tests/**',
      'tools/**',
      'examples/**',
      'packages/mix-curl/**',
      'packages/mix-proxy/**',
      '**/*.config.{ts,js}',
    ],
    rules: {
      'no-console': 'off',
      'no-restricted-syntax': ['error', constObjects],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: 'module',
      globals: { ...nodeGlobals, ...browserGlobals },
    },
    rules: { eqeqeq: 'error', 'prefer-const': 'error' },
  },
  {
    files: ['**/service-worker.js'],
    languageOptions: {
      globals: { addEventListener: 'readonly', clients: 'readonly', skipWaiting: 'readonly' },
    },
  },
);
