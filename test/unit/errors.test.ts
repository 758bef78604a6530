/** What a reason in a log record says: all causes, once each, on one line. */
import { expect, test } from 'vitest'
import { describeError } from '../../src/errors.ts'

const refused = ['connect ECONNREFUSED ::1:443', 'connect ECONNREFUSED 127.0.0.1:443']
const each = refused.map((text) => new Error(text))

const cases = [
  // what was thrown, what is said, why
  [new Error('a\n  b', { cause: new TypeError('c') }), 'a b: c', 'a record is one line'],
  [new Error('a', { cause: new Error('a') }), 'a', 'nothing is said twice'],
  [new TypeError(), 'TypeError', 'the name says more than nothing'],
  ['text', 'text', 'anything can be thrown'],
  [
    new AggregateError(each),
    refused.join(', '),
    'Node gives no message to a name none of whose addresses answers',
  ],
  [
    new Error('could not put x', { cause: new AggregateError(each, 'all failed') }),
    `could not put x: all failed: ${refused.join(', ')}`,
    'reasons stand behind the message that there is',
  ],
  [new AggregateError([]), 'AggregateError', 'no reasons, no message'],
] as const

test.for(cases)('%o is told as %o: %s', ([error, said]) => {
  expect(describeError(error)).toBe(said)
})
