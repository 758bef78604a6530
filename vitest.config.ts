import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const limits = {
  testTimeout: 30_000,
  hookTimeout: 120_000,
  // The sources, whatever is in dist/.
  alias: { 'postern/client': join(import.meta.dirname, 'src/client/index.ts') },
  // Of what tests start without bin/postern, too: it halves the CPU of a start.
  env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/postern') },
}
// Whole servers are at work in these: more than two files at once starve each other on two cores.
const heavy = {
  ...limits,
  testTimeout: 120_000,
  hookTimeout: 240_000,
  maxWorkers: 2,
  sequence: { groupOrder: 1 },
}

const unit = globSync('test/{unit,conformance}/**/*.test.ts', { cwd: import.meta.dirname })
// A module that is replaced would be replaced for the files behind it, too.
const apart = unit.filter((file) =>
  /\bvi\.mock\(/.test(readFileSync(join(import.meta.dirname, file), 'utf8')),
)

const longest = /\/(durability|redis|own-clamd|crash)\.test\.ts$/

/**
 * Vitest begins with the largest file, where no run before this one has left how long each takes; those that
 * take longest are among the smallest, and the last would run alone.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => longest.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((each) => !isLong(each))]
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...limits,
          name: 'unit',
          include: unit,
          exclude: apart,
          setupFiles: 'test/support/unit-setup.ts',
          // A process for each file takes longer than most of them: twice the time in all.
          isolate: false,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...limits,
          name: 'unit-apart',
          include: apart,
          setupFiles: 'test/support/unit-setup.ts',
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
