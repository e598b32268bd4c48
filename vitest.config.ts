import { defineConfig } from 'vitest/config';

// Tests import `troupe` and `troupe/testing` by name and get src/, not dist/. Node resolves a package's own
// name itself, so the test processes need the condition as a flag as well.
const condition = '@troupe/source';

export default defineConfig({
  resolve: { conditions: [condition] },
  ssr: { resolve: { conditions: [condition] } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/checkpoint/postgres-server.ts'],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
    execArgv: [`--conditions=${condition}`],
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.ci/out/tests.json' }]] : ['default'],
    coverage: { provider: 'v8', include: ['src/**'] },
  },
});
