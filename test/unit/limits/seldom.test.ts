/** What anybody can cause is said once a minute, each thing for itself. */
import { expect, test } from 'vitest'
import { seldom } from '../../../src/limits/seldom.ts'

test('a thing is said at once, and again a minute later at the earliest', () => {
  let now = 0
  const said: string[] = []
  const say = seldom(
    (thing: string) => said.push(`${now} ${thing}`),
    () => now,
  )
  for (const at of [0, 1, 59_999, 60_000, 60_001]) {
    now = at
    say('a')
    if (at === 1) say('b')
  }
  expect(said).toEqual(['0 a', '1 b', '60000 a'])
})
