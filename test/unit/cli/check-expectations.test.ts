/** `postern check` with tests of rules: they hold or it fails, and the last line counts them. */
import { expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import { newHome } from './support.ts'

const rules = `
Metadata: { Name: default }
Rules:
  - Name: all
    Enabled: true
    Actions: [{ S3Action: { BucketName: inbox } }]
`
const tests = (bucket: string) => `tests:
  - name: everything is stored
    given: { to: [you@example.test] }
    expect: { disposition: accept, plan: [{ target: ${bucket} }] }
`

test('the number of those that hold is the last line', async () => {
  const home = newHome()
  home.write('rules/default.yaml', rules)
  home.write('rules/default.test.yaml', tests('inbox'))
  const { out, error } = await home.run('check')
  expect(error).toBeUndefined()
  expect(out.toString()).toMatch(/are good\.\n1 expectation holds\n$/)
})

test('one that fails is told with its place and the rules that say why', async () => {
  const home = newHome()
  home.write('rules/default.yaml', rules)
  const file = home.write('rules/default.test.yaml', tests('archive'))
  const { out, error } = await home.run('check')
  expect(out.toString()).toBe('')
  expect(error).toBeInstanceOf(UserError)
  expect(String(error).replace('UserError: ', '')).toBe(
    [
      `${file}:4:43: tests[0] "everything is stored": expected step 1 target archive, got target inbox`,
      '  yes all: matched by a configured domain, as the rule names no recipients',
      '0 of 1 expectations hold',
    ].join('\n'),
  )
})
