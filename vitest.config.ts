import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const limits = {
  testTimeout: 30_000,
  hookTimeout: 120_000,
  // The sources, whatever is in dist/.
  alias: { 'postern/client': join(import.meta.dirname, 'src/client/index.ts') },
}
// Whole servers are at work in these: more than two files at once starve each other on two cores.
const heavy = {
  ...limits,
  testTimeout: 120_000,
  hookTimeout: 240_000,
  maxWorkers: 2,
  sequence: { groupOrder: 1 },
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...limits,
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/conformance/**/*.test.ts'],
        },
      },
      { test: { ...heavy, name: 'e2e', include: ['test/e2e/**/*.test.ts'] } },
      {
        test: {
          ...heavy,
          name: 'ceph',
          include: ['test/ceph/**/*.test.ts'],
          globalSetup: 'test/support/ceph-setup.ts',
        },
      },
    ],
  },
})
