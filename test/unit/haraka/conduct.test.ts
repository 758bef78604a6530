/** What a session may do in all, reply by reply. */
import { expect, test } from 'vitest'
import { conduct } from '../../../src/haraka/conduct.ts'
import { accepted, replies } from '../../../src/haraka/replies.ts'

const limits = { maxErrors: 3, maxIdleCommands: 5, maxMessagesPerSession: 2, maxRecipients: 2 }

const ok = { code: 250, text: '2.0.0 OK' }
const taken = accepted('0'.repeat(40)).reply as { code: number; text: string }
const rcpt = replies.recipientAccepted.reply
const error = { code: 550, text: '5.1.1 No' }
const surplus = replies.tooManyRecipients.reply
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

const cases = [
  [times(4, error), replies.tooManyErrors, 'one error too many'],
  [times(3, error), undefined, 'as many as there may be'],
  [times(6, ok), replies.tooManyCommands, 'one command too many'],
  [[...times(5, ok), taken, ...times(5, ok)], undefined, 'a message begins the count anew'],
  [[...times(3, error), taken, error], replies.tooManyErrors, 'not that of errors'],
  [times(100, rcpt), undefined, 'recipients are no idle commands'],
  [times(20, surplus), undefined, 'RFC 5321 §4.5.3.1.10: each surplus recipient is told so'],
  [times(21, surplus), replies.tooManyErrors, 'but not for ever'],
  [[...times(3, error), { code: 354, text: 'Send' }], undefined, '354 is no error'],
] as const

test.for(cases)('%j: %s', ([given, expected]) => {
  const { note } = conduct(limits)
  const found = given.map((each) => note(each, 0))
  expect(found.slice(0, -1).every((each) => each === undefined)).toBe(true)
  expect(found.at(-1)).toEqual(expected?.reply)
})

test('commands behind the end of data are errors, each', () => {
  expect(conduct(limits).note(taken, 4)).toEqual(replies.tooManyErrors.reply)
})

test('nothing follows a reply that the client goes on from: 220 of STARTTLS, 354', () => {
  const { note } = conduct(limits)
  for (const each of times(9, ok)) note(each, 0)
  expect(note({ code: 220, text: '2.0.0 Ready to start TLS' }, 0)).toBeUndefined()
  expect(note({ code: 354, text: 'Send' }, 0)).toBeUndefined()
})

test('a session has so many MAIL commands', () => {
  const { mayMail } = conduct(limits)
  expect([mayMail(), mayMail(), mayMail()]).toEqual([true, true, false])
})
