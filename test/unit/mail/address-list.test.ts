/** Address fields and encoded words of real and of hostile mail. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAddressList } from '../../../src/mail/address-list.ts'
import { decodeWords } from '../../../src/mail/encoded-words.ts'

const lists = [
  // value, mailboxes as name|address, why
  ['a@b.test', ['|a@b.test'], 'bare'],
  ['<a@b.test>', ['|a@b.test'], 'in brackets, no name'],
  ['Ada <a@b.test>, b@c.test', ['Ada|a@b.test', '|b@c.test'], 'two'],
  ['"Ada L., \\"x\\"" <a@b.test>', ['Ada L., "x"|a@b.test'], 'quoted name with a comma'],
  ['Ada L. <a@b.test>', ['Ada L.|a@b.test'], 'a dot in a phrase, obsolete and common'],
  ['=?utf-8?q?Ad=C3=A4?= <a@b.test>', ['Adä|a@b.test'], 'encoded word'],
  ['"=?utf-8?q?x?=" <a@b.test>', ['=?utf-8?q?x?=|a@b.test'], 'RFC 2047 §5: not within quotes'],
  ['a@b.test (Ada (of) London)', ['|a@b.test'], 'comments'],
  ['Ada (, not <x@y>) <a@b.test>', ['Ada|a@b.test'], 'specials in a comment'],
  ['a (x) @ (y) b.test', ['|a@b.test'], 'space and comments about the @'],
  ['<@r.test,@s.test:a@b.test>', ['|a@b.test'], 'obsolete route'],
  ['Team: a@b.test, Bo <b@c.test>;, c@d.test', ['|a@b.test', 'Bo|b@c.test', '|c@d.test'], 'group'],
  ['"The Team": a@b.test;', ['|a@b.test'], 'group with a quoted name'],
  ['undisclosed-recipients:;', [], 'empty group'],
  [
    'a@[IPv6:2001:db8::1], b@c.test',
    ['|a@[IPv6:2001:db8::1]', '|b@c.test'],
    'its colons name none',
  ],
  ['"a,b"@c.test', ['|"a,b"@c.test'], 'quoted local part'],
  ['"a\\"b"@c.test', ['|"a\\"b"@c.test'], 'quoted again as it was'],
  [',, a@b.test ,;', ['|a@b.test'], 'empty elements'],
  ['Ada', [], 'no address'],
  ['Ada <>', [], 'empty brackets'],
  ['Ada <a@b.test, Bo <b@c.test>', ['Ada|a@b.test', 'Bo|b@c.test'], 'an unclosed bracket'],
  ['Ada <a@b.test', ['Ada|a@b.test'], 'an unclosed bracket at the end'],
  ['"Ada <a@b.test>', [], 'an unclosed quote swallows the rest'],
  ['Ada (x <a@b.test>', [], 'an unclosed comment, too'],
  ['ä@bücher.test', ['|ä@bücher.test'], 'RFC 6532'],
  ['', [], 'nothing'],
] as const
test.for(lists)('%s is %j (%s)', ([value, expected]) => {
  expect(parseAddressList(value).map(({ name, address }) => `${name}|${address}`)).toEqual(expected)
})

const texts = [
  // text, decoded, why
  ['plain', 'plain', 'nothing to do'],
  ['=?utf-8?q?caf=C3=A9_x?=', 'café x', 'Q, underscore is a space'],
  ['=?UTF-8?B?Y2Fmw6k=?=', 'café', 'B'],
  ['=?iso-8859-1?Q?caf=E9?=', 'café', 'another charset'],
  ['=?utf-8*en?q?x?=', 'x', 'RFC 2231 §5: with its language'],
  ['a =?utf-8?q?b?= c', 'a b c', 'space beside plain text stays'],
  ['=?utf-8?q?a?=  =?utf-8?q?b?=', 'ab', '§6.2: space between two goes'],
  ['=?utf-8?b?ww==?= =?utf-8?b?qQ==?=', 'é', 'a character split between two words in B'],
  ['=?utf-8?q?=C3?= =?utf-8?q?=A9?=', 'é', 'a character split between two, as real mail has it'],
  ['=?utf-8?q?a?= =?iso-8859-1?q?=E9?=', 'aé', 'two charsets'],
  ['=?x-none?q?a?=', '=?x-none?q?a?=', 'unknown charset'],
  ['=?utf-8?q?=FF?=', '=?utf-8?q?=FF?=', 'octets that are not of it'],
  ['=?utf-8?b?***?=', '=?utf-8?b?***?=', 'no Base64'],
  ['=?utf-8?q?a=0D=0ABcc:_x?=', 'a  Bcc: x', 'a decoded line end begins no line'],
  ['=?utf-8?x?a?=', '=?utf-8?x?a?=', 'unknown encoding'],
  ['=?utf-8?q?a', '=?utf-8?q?a', 'unclosed'],
] as const
test.for(texts)('%s is %s (%s)', ([text, expected]) => {
  expect(decodeWords(text)).toBe(expected)
})

const pieces = fc.constantFrom(
  ...'<>@,;:()[]"\\ \t=?'.split(''),
  'a',
  'é',
  '=?utf-8?q?',
  '?=',
  'a@b.test',
)
const hostile = fc.array(pieces, { maxLength: 60 }).map((all) => all.join(''))

test('any text gives mailboxes without brackets left about them, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string()), (value) => {
      for (const { address } of parseAddressList(value)) {
        expect(address).not.toBe('')
        expect(address.trim()).toBe(address)
      }
      expect(typeof decodeWords(value)).toBe('string')
    }),
  )
})

test('what was written as a list is read as that list', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'Z', '9', '-', 'ü'), minLength: 1 })
  const mailbox = fc.record({
    name: fc.array(word, { maxLength: 3 }).map((words) => words.join(' ')),
    address: fc.tuple(word, word).map(([local, domain]) => `${local}@${domain}.test`),
  })
  fc.assert(
    fc.property(fc.array(mailbox), (all) => {
      const written = all.map(({ name, address }) =>
        name === '' ? address : `"${name}" <${address}>`,
      )
      expect(parseAddressList(written.join(', '))).toEqual(all)
    }),
  )
})

describe('a quarter of a megabyte of one thing takes no square of it', () => {
  const size = 256 * 1024
  const filled = (piece: string): string => piece.repeat(Math.ceil(size / piece.length))
  const inputs = [
    ...['<', '>', '(', ')', '"', '\\', ',', ';', ':', '@', '[', ']', ' ', '@[', '<,', '()', '""'],
    ...['a@b.test,', '=?', '=?utf-8?q?', '=?utf-8?q?a?= ', '=?utf-8?b?', '(\\', 'x: ', '@[x]'],
  ]
  test.for(inputs)('%j', (piece) => {
    const from = performance.now()
    for (const value of [filled(piece), `a${filled(piece)}b@c.test`, `<${filled(piece)}>`]) {
      parseAddressList(value)
      decodeWords(value)
    }
    // A square would be a minute and more.
    expect(performance.now() - from).toBeLessThan(15_000)
  })

  test('a field full of mailboxes is cut at ten thousand', () => {
    expect(parseAddressList(filled('a@b.test,'))).toHaveLength(10_000)
  })
})
