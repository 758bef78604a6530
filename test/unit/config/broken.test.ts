/**
 * Each file of test/fixtures/config is broken and must be refused for the reason beside it (chasquid's
 * t-20-bad_configs). They are copied first: a checkout decides neither their modes nor their place.
 */
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { UserError } from '../../../src/errors.ts'

const fixtures = join(import.meta.dirname, '../../fixtures/config')
const names = globSync('*.yaml', { cwd: fixtures }).map((each) => basename(each, '.yaml'))
const env = {
  POSTERN_TEST_NAME: 'name',
  POSTERN_TEST_NUMBER: '4',
  POSTERN_TEST_YAML: 'a.test", "b.test',
}

let cwd = ''
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'postern-config-'))
  mkdirSync(join(cwd, 'directory.pub'))
})
afterAll(() => rmSync(cwd, { recursive: true }))

function refusalOf(file: string): string {
  try {
    loadConfig({ file, env, cwd })
  } catch (error) {
    if (error instanceof UserError) return error.message.replaceAll(cwd, 'DIR')
    throw error
  }
  return 'accepted'
}

test.for(names)('%s is refused for its reason', (name) => {
  writeFileSync(join(cwd, `${name}.yaml`), readFileSync(join(fixtures, `${name}.yaml`)), {
    mode: 0o644,
  })
  const expected = readFileSync(join(fixtures, `${name}.expected-error`), 'utf8')
  expect(refusalOf(`${name}.yaml`)).toBe(expected.trimEnd())
})

test('there are fixtures', () => expect(names.length).toBeGreaterThan(20))
