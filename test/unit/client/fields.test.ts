/** Header fields as RFC 5322 §2.2 has them, and as senders write them. */
import { expect, test } from 'vitest'
import { headersOf } from '../../../src/client/fields.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

const cases: readonly (readonly [string, string, readonly (readonly [string, string])[]])[] = [
  [
    'fields end at the empty line',
    'A: 1\r\nB: 2\r\n\r\nC: 3\r\n',
    [
      ['A', '1'],
      ['B', '2'],
    ],
  ],
  ['a folded value is one line', 'A: 1\r\n 2\r\n\t3\r\n\r\n', [['A', '1 2\t3']]],
  ['a fold right after the colon', 'A:\r\n 1\r\n\r\n', [['A', '1']]],
  [
    'order and repetition stay',
    'B: 1\r\nA: 2\r\nB: 3\r\n',
    [
      ['B', '1'],
      ['A', '2'],
      ['B', '3'],
    ],
  ],
  [
    'an empty value',
    'A:\r\nB: \r\n\r\n',
    [
      ['A', ''],
      ['B', ''],
    ],
  ],
  ['white space before the colon (RFC 5322 §4.5)', 'A : 1\r\n\r\n', [['A', '1']]],
  ['UTF-8 (RFC 6532)', 'A: gr\xc3\xbc\xc3\x9fe\r\n\r\n', [['A', 'grüße']]],
  ['not UTF-8: one character per octet', 'A: gr\xfc\x80\r\n\r\n', [['A', 'gr\xfc\x80']]],
  ['a line that is no field ends them', 'A: 1\r\nno field\r\nB: 2\r\n\r\n', [['A', '1']]],
  ['a fold without a field is none', ' A: 1\r\nB: 2\r\n\r\n', []],
  ['the last line may lack its end', 'A: 1', [['A', '1']]],
  ['an empty message', '', []],
  ['a body that looks like a field', '\r\nA: 1\r\n', []],
]

test.for(cases)('%s', ([, text, expected]) => {
  expect(headersOf(bytes(text)).map(({ name, value }) => [name, value])).toEqual(expected)
})

test('get gives the first of a name in any case, and is no part of the list', () => {
  const headers = headersOf(bytes('Subject: a\r\nsubject: b\r\n\r\n'))
  expect(headers.get('SUBJECT')).toBe('a')
  expect(headers.get('toString')).toBeUndefined()
  expect(Object.keys(headers)).toEqual(['0', '1'])
})

test('a megabyte of spaces costs no more than a megabyte', () => {
  const headers = headersOf(bytes(`A: ${' '.repeat(1_000_000)}x${' '.repeat(1_000_000)}\r\n\r\n`))
  expect(headers.get('a')).toBe('x')
})
