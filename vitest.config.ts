import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'worker/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'tests/e2e/**/*.test.ts',
    ],
    // Two cores: a localnet and a browser already fill them, but tests of failures mostly wait.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A second, the default, is the verdict of a fast machine.
    expect: { poll: { timeout: 30_000 } },
    passWithNoTests: true,
  },
});
