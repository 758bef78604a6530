/** The header section of any message, and its fields. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerFields } from '../../../src/mail/header-fields.ts'
import { headerSection } from '../../../src/mail/header-section.ts'

const sections = [
  // section, fields as name|value, why
  ['Subject: hi\r\nTo: x\r\n\r\nbody: no', ['Subject|hi', 'To|x'], 'ends at the empty line'],
  ['A: 1\r\n\t2\r\n  3\r\n', ['A|1 2 3'], 'folds become one space'],
  ['A: 1\nB: 2\n', ['A|1', 'B|2'], 'bare LF, as files have it'],
  ['A : 1\r\n', ['A|1'], 'obsolete space before the colon'],
  ['A:\r\n', ['A|'], 'empty value'],
  ['A: b: c\r\n', ['A|b: c'], 'the first colon counts'],
  [' lost\r\nA: 1\r\n', ['A|1'], 'a fold of nothing'],
  ['no field\r\n: none\r\nB b: 2\r\nA: 1\r\n', ['A|1'], 'lines that are no field'],
  ['A: 1\r\na: 2\r\n', ['A|1', 'a|2'], 'repeated, each as written'],
  ['A: caf\xc3\xa9\r\n', ['A|café'], 'UTF-8'],
  ['A: caf\xe9\r\n', ['A|café'], 'no UTF-8: each octet a character'],
  ['\r\nA: 1\r\n', [], 'no header at all'],
  ['', [], 'nothing'],
] as const
test.for(sections)('%j is %j (%s)', ([section, expected]) => {
  const fields = headerFields(Buffer.from(section, 'latin1'))
  expect(fields.map(({ name, value }) => `${name}|${value}`)).toEqual(expected)
})

const messages = [
  // message, most, section, why
  ['A: 1\r\n\r\nbody', 100, 'A: 1\r\n\r\n', 'with its empty line'],
  ['\r\nbody', 100, '\r\n', 'no header'],
  ['A: 1\r\n', 100, 'A: 1\r\n', 'no empty line: all of it'],
  ['A: 1\r\nB: 2\r\n\r\nbody', 6, 'A: 1\r\n', 'never more than asked for'],
  ['', 100, '', 'nothing'],
] as const
test.for(messages)(
  '%j within %i is %j, however it comes (%s)',
  async ([message, most, expected]) => {
    for (const size of [1, 2, 3, 1000]) {
      const found = await headerSection(inPieces(Buffer.from(message), size), most)
      expect(found.toString()).toBe(expected)
    }
  },
)

async function* inPieces(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size)
}

test('reads no further than needed', async () => {
  let pieces = 0
  const endless = (async function* () {
    for (;;) {
      pieces += 1
      yield Buffer.alloc(1000, 'x')
    }
  })()
  expect(await headerSection(endless, 5000)).toHaveLength(5000)
  expect(pieces).toBe(5)
})

test('any octets give fields with a name and no line end in them', () => {
  const octet = fc.constantFrom(0x0d, 0x0a, 0x20, 0x09, 0x3a, 0x41, 0xe9, 0x00)
  fc.assert(
    fc.property(fc.array(fc.oneof(octet, fc.nat(255))), (octets) => {
      for (const { name, value } of headerFields(Uint8Array.from(octets))) {
        expect(name).toMatch(/^[!-9;-~]+$/)
        expect(value).not.toContain('\n')
      }
    }),
  )
})

const size = 1024 * 1024
test.for(['a', ':', ' ', '\r\n ', 'a:\r\n', '\n', '\t', '\r', 'a :\r\n', '\xff'])(
  'a megabyte of %j takes no square of it',
  (piece) => {
    const octets = Buffer.from(piece.repeat(size / piece.length), 'latin1')
    const from = performance.now()
    headerFields(octets)
    headerFields(Buffer.concat([Buffer.from('a: '), octets, Buffer.from('b')]))
    expect(performance.now() - from).toBeLessThan(5000)
  },
)
