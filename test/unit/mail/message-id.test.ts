/** Message ids: their shape, their order, the time in them. D§6 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMessageId, messageIdTime, newMessageId } from '../../../src/mail/message-id.ts'

/** 48 bits: until the year 10889. */
const times = fc.integer({ min: 0, max: 2 ** 48 - 1 })

test('an id is 40 characters of base32hex, and is one', () => {
  fc.assert(
    fc.property(times, (time) => {
      const id = newMessageId(time)
      expect(id).toMatch(/^[0-9a-v]{40}$/)
      expect(isMessageId(id)).toBe(true)
    }),
  )
})

test('the time of an id is the time it was made for', () => {
  fc.assert(
    fc.property(times, (time) => {
      expect(messageIdTime(newMessageId(time))).toBe(time)
    }),
  )
})

test('ids sort as their times do', () => {
  fc.assert(
    fc.property(times, times, (one, other) => {
      fc.pre(one !== other)
      const ids = [newMessageId(one), newMessageId(other)]
      expect(ids.toSorted()[0]).toBe(one < other ? ids[0] : ids[1])
    }),
  )
})

test('an id read as base32hex is the time, 18 octets and 0x01', () => {
  const id = newMessageId(0x0123_4567_89ab)
  const bits = [...id]
    .map((each) => Number.parseInt(each, 32).toString(2).padStart(5, '0'))
    .join('')
  const hex = BigInt(`0b${bits}`).toString(16).padStart(50, '0')
  expect(hex).toMatch(/^0123456789ab[0-9a-f]{36}01$/)
})

test('ten thousand ids of one millisecond are all different', () => {
  expect(new Set(Array.from({ length: 10_000 }, () => newMessageId(1))).size).toBe(10_000)
})

const strangers = [
  ['', 'nothing'],
  ['../../../../../../../../../../etc/passwd1', 'a path of the right length'],
  [`${'0'.repeat(39)}2`, 'the last octet is not 0x01'],
  [`${'0'.repeat(38)}11`, 'nor here, whose upper bits are in the last but one'],
  [`${'0'.repeat(39)}1\n`, 'a line end behind'],
  [`${'0'.repeat(38)}1`, 'one too short'],
  [`${'0'.repeat(40)}1`, 'one too long'],
  [`${'w'.repeat(38)}01`, 'w is no digit of base32hex'],
  [`${'A'.repeat(38)}01`, 'upper case: one message must not have two names'],
  [`${'0'.repeat(37)}٣01`, 'a digit of another script'],
] as const

test.for(strangers)('%j is no message id: %s', ([text]) => {
  expect(isMessageId(text)).toBe(false)
})
