/** Tests of rules that can't be read, or that fail: what the operator is told. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkExpectations } from '../../../src/cli/check-expectations.ts'
import { loadConfig } from '../../../src/config/load.ts'

const fixtures = join(import.meta.dirname, '../../fixtures/expectations')
const config = loadConfig({ env: {}, cwd: tmpdir() })

test.for(readdirSync(fixtures))(
  'the folder %s is told about as in its expected-error',
  async (folder) => {
    const dir = join(fixtures, folder)
    const { problems } = await checkExpectations(dir, config)
    const told = problems.join('\n').replaceAll(`${dir}/`, '').replaceAll(dir, folder)
    expect(`${told}\n`).toBe(readFileSync(join(dir, 'expected-error'), 'utf8'))
  },
)

test('those that hold beside others that fail are counted', async () => {
  expect(await checkExpectations(join(fixtures, 'failing'), config)).toMatchObject({
    count: 5,
    held: 1,
  })
})
