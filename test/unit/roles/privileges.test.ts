/** When Postern says that it should not be root; what it does about it is in test/e2e/privileges.test.ts. */
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { accountOf, isNeedlesslyRoot } from '../../../src/roles/privileges.ts'

const preset = loadConfig({ file: '/dev/null', env: {}, cwd: '/' })
const config = (listen: readonly string[]) => ({ ...preset, smtp: { ...preset.smtp, listen } })
const isRoot = process.getuid?.() === 0

const cases = [
  // listen, told, why
  [['127.0.0.1:2525'], false, 'the demo serves this machine only'],
  [['[::1]:25', 'localhost:2525'], false, 'so does this'],
  [['127.0.0.1:2525', '[::]:25'], true, 'anybody can connect'],
  [['192.0.2.1:25'], true, 'so can they here'],
] as const
test.for(cases)('root that listens on %j is told: %s, %s', ([listen, told]) => {
  expect(isNeedlesslyRoot(config(listen))).toBe(told && isRoot)
})

test('an account is looked up where the machine looks', () => {
  expect(accountOf(preset)).toBeUndefined()
  expect(accountOf({ ...preset, user: 'nobody' })).toMatchObject({ user: 'nobody', uid: 65534 })
  expect(() => accountOf({ ...preset, user: 'no-such-user' })).toThrow(
    'there is no user no-such-user on this machine: useradd',
  )
})
