/** The reader of DATA: where the message ends, what it is, and what forbids keeping it. RFC 5321 §4.5.2 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DataLimits, dataReader, type Fault } from '../../../src/mail/data-reader.ts'
import { cut, everyOctet } from '../../support/splits.ts'

const limits: DataLimits = {
  maxMessageBytes: 60,
  maxLineBytes: 12,
  maxHeaderLines: 4,
  maxHeaderBytes: 30,
}

type Outcome = {
  readonly end: number
  readonly fault: Fault | undefined
  readonly message: string | undefined
  readonly header: string | undefined
}

/** What the reader makes of the pieces. Message and header mean something only without a fault. */
function read(pieces: readonly Buffer[], within: DataLimits = limits): Outcome {
  const taken: Buffer[] = []
  const reader = dataReader(within, (octets) => taken.push(Buffer.from(octets)))
  let before = 0
  let end = -1
  for (const piece of pieces) {
    const found = reader.feed(piece)
    if (found >= 0) {
      end = before + found
      break
    }
    before += piece.length
  }
  const fault = reader.fault()
  if (fault !== undefined) return { end, fault, message: undefined, header: undefined }
  const message = Buffer.concat(taken)
  if (end >= 0) expect(reader.size()).toBe(message.length)
  return {
    end,
    fault,
    message: message.toString('latin1'),
    header: reader.header().toString('latin1'),
  }
}

/** The same by splitting text: slow, obvious, and knows no pieces. */
function reference(wire: string, within: DataLimits = limits): Outcome {
  const found = wire.indexOf('\r\n.\r\n')
  const end = wire.startsWith('.\r\n') ? 3 : found < 0 ? -1 : found + 5
  if (end < 0) return { end, fault: undefined, message: undefined, header: undefined }
  const lines = wire
    .slice(0, end - 3)
    .split('\r\n')
    .slice(0, -1)
    .map((line) => (line.startsWith('.') ? line.slice(1) : line))
  const empty = lines.indexOf('')
  const fields = empty < 0 ? lines : lines.slice(0, empty)
  const header = (empty < 0 ? lines : lines.slice(0, empty + 1))
    .map((each) => `${each}\r\n`)
    .join('')
  const message = lines.map((each) => `${each}\r\n`).join('')
  const has = (octet: string): boolean => lines.some((each) => each.includes(octet))
  const found_: readonly (readonly [Fault, boolean])[] = [
    ['bare-cr', has('\r')],
    ['bare-lf', has('\n')],
    ['nul', has('\0')],
    ['line-too-long', lines.some((each) => each.length > within.maxLineBytes)],
    [
      'header-too-large',
      fields.length > within.maxHeaderLines || header.length > within.maxHeaderBytes,
    ],
    ['too-large', message.length > within.maxMessageBytes],
  ]
  const fault = found_.find(([, holds]) => holds)?.[0]
  if (fault !== undefined) return { end, fault, message: undefined, header: undefined }
  return { end, fault, message, header }
}

const octets = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('a message without a fault', () => {
  const cases = [
    ['.\r\n', '', '', 'the end may come first: an empty message'],
    ['a\r\n.\r\n', 'a\r\n', 'a\r\n', 'the CR LF before the dot is the message’s'],
    ['a\r\n\r\nb\r\n.\r\n', 'a\r\n\r\nb\r\n', 'a\r\n\r\n', 'the header ends with the empty line'],
    ['\r\nb\r\n.\r\n', '\r\nb\r\n', '\r\n', 'an empty header'],
    ['..\r\n.\r\n', '.\r\n', '.\r\n', 'a stuffed first line'],
    ['a\r\n\r\n..\r\n.\r\n', 'a\r\n\r\n.\r\n', 'a\r\n\r\n', 'a stuffed dot is not the end'],
    ['a\r\n.b\r\n.\r\n', 'a\r\nb\r\n', 'a\r\nb\r\n', 'any first dot goes, stuffed or not'],
    ['a\r\n...\r\n.\r\n', 'a\r\n..\r\n', 'a\r\n..\r\n', 'one dot goes, not two'],
    ['a\r\n. \r\n.\r\n', 'a\r\n \r\n', 'a\r\n \r\n', 'a dot and a space are no end'],
    ['a\r\n \r\nb\r\n.\r\n', 'a\r\n \r\nb\r\n', 'a\r\n \r\nb\r\n', 'white space is no empty line'],
    ['a.\r\n.\r\n', 'a.\r\n', 'a.\r\n', 'a dot elsewhere stays'],
    [
      '\x01\x7f\x80\xff\r\n.\r\n',
      '\x01\x7f\x80\xff\r\n',
      '\x01\x7f\x80\xff\r\n',
      '8 bits are octets',
    ],
    ['123456789012\r\n.\r\n', '123456789012\r\n', '123456789012\r\n', 'a line at the limit'],
    [
      '.123456789012\r\n.\r\n',
      '123456789012\r\n',
      '123456789012\r\n',
      'its stuffed dot is not counted',
    ],
    [
      'a\r\nb\r\nc\r\nd\r\n\r\n.\r\n',
      'a\r\nb\r\nc\r\nd\r\n\r\n',
      'a\r\nb\r\nc\r\nd\r\n\r\n',
      'as many header lines as allowed: the empty one is none',
    ],
    [
      'a\r\n\r\n1\r\n2\r\n3\r\n4\r\n5\r\n.\r\n',
      'a\r\n\r\n1\r\n2\r\n3\r\n4\r\n5\r\n',
      'a\r\n\r\n',
      'body lines are not header lines',
    ],
  ] as const
  test.for(cases)('%j is %j with the header %j: %s', ([wire, message, header]) => {
    expect(read([octets(wire)])).toEqual({ end: wire.length, fault: undefined, message, header })
  })
})

describe('a message with a fault', () => {
  const cases = [
    ['a\rb\r\n.\r\n', 'bare-cr', 'CR in a line'],
    ['a\r\r\n.\r\n', 'bare-cr', 'CR before CR LF'],
    ['\r.\r\n.\r\n', 'bare-cr', 'CR before a dot'],
    ['a\r\n.\r\r\n.\r\n', 'bare-cr', 'a dot and two CRs are not the end'],
    ['a\r\n.\rb\r\n.\r\n', 'bare-cr', 'a dot and a CR are not the end'],
    ['a\nb\r\n.\r\n', 'bare-lf', 'LF in a line'],
    ['a\n.\n\r\n.\r\n', 'bare-lf', 'LF . LF is not the end'],
    ['\n.\r\n\r\n.\r\n', 'bare-lf', 'LF . CR LF is not the end'],
    ['a\r\n.\n\r\n.\r\n', 'bare-lf', 'CR LF . LF is not the end'],
    ['a\0\r\n.\r\n', 'nul', 'NUL in a line'],
    ['a\r\n\0.\r\n.\r\n', 'nul', 'NUL before a dot'],
    ['a\r\n.\0\r\n.\r\n', 'nul', 'NUL after a dot'],
    ['1234567890123\r\n.\r\n', 'line-too-long', 'one octet over the limit'],
    ['a\r\n\r\n1234567890123\r\n.\r\n', 'line-too-long', 'in the body as well'],
    ['a\r\nb\r\nc\r\nd\r\ne\r\n\r\n.\r\n', 'header-too-large', 'one line too many'],
    ['a\r\nb\r\nc\r\nd\r\ne\r\n.\r\n', 'header-too-large', 'and no separator'],
    ['1234567890\r\n1234567890\r\n12345\r\n\r\n.\r\n', 'header-too-large', 'one octet too many'],
    [`\r\n${'123456\r\n'.repeat(7)}123\r\n.\r\n`, 'too-large', 'one octet too many'],
    ['a\nb\rc\0\r\n.\r\n', 'bare-cr', 'of several the first of the list is told'],
    [`a\r\n\r\n${'x'.repeat(80)}\n\r\n.\r\n`, 'bare-lf', 'even when another one came before it'],
  ] as const
  test.for(cases)('%j is refused as %s, at its true end: %s', ([wire, fault]) => {
    expect(read([octets(wire)])).toMatchObject({ end: wire.length, fault })
  })
})

test('what stands behind the end is left alone', () => {
  expect(read([octets('a\r\n.\r\nRSET\r\n')])).toMatchObject({ end: 6, message: 'a\r\n' })
})

test('nothing reaches the sink after a fault', () => {
  let taken = 0
  const reader = dataReader(limits, (each) => {
    taken += each.length
  })
  reader.feed(octets('a\r\nb\rc'))
  const before = taken
  reader.feed(octets('x'.repeat(1000)))
  expect(taken).toBe(before)
})

test('a line without an end is given up before it ends, so that the sink does not get it all', () => {
  let taken = 0
  const reader = dataReader({ ...limits, maxMessageBytes: 1e9, maxHeaderBytes: 1e9 }, (each) => {
    taken += each.length
  })
  for (let count = 0; count < 100; count += 1) reader.feed(octets('y'.repeat(10)))
  expect(reader.fault()).toBe('line-too-long')
  expect(taken).toBeLessThan(30)
})

const token = fc.constantFrom(
  ...['\r\n', '\r\n', '\r\n.', '.', '\r', '\n', '\0', 'a', 'bb: c', ' ', '\xe9', '\r\n\r\n', '..'],
  ...['123456789012', '.\r\n', '\r\n.\r\n', '\r\n.\r', '\n.\n'],
)
const wires = fc
  .tuple(fc.array(token, { maxLength: 30 }), fc.constantFrom('', 'RSET\r\n', '.\r\n', '\r\n.\r\n'))
  .map(([tokens, behind]) => `${tokens.join('')}\r\n.\r\n${behind}`)

test('message, fault and end are those of the obvious reading, for every cut of the same octets', () => {
  fc.assert(
    fc.property(wires, fc.array(fc.nat(120), { maxLength: 8 }), (wire, places) => {
      const whole = octets(wire)
      const expected = reference(wire)
      expect(read([whole])).toEqual(expected)
      expect(read(everyOctet(whole))).toEqual(expected)
      expect(read(cut(whole, places))).toEqual(expected)
      for (const place of whole.keys()) expect(read(cut(whole, [place]))).toEqual(expected)
    }),
    { numRuns: 1500 },
  )
})

test('octets without an end of data never end, however they are cut', () => {
  const endless = fc
    .array(token, { maxLength: 30 })
    .map((tokens) => tokens.join(''))
    .filter((wire) => reference(wire).end < 0)
  fc.assert(
    fc.property(endless, (wire) => {
      expect(read([octets(wire)]).end).toBe(-1)
      expect(read(everyOctet(octets(wire))).end).toBe(-1)
    }),
    { numRuns: 500 },
  )
})

test('what is stuffed and read is what it was, at the limits a server has', () => {
  const large = {
    maxMessageBytes: 1e6,
    maxLineBytes: 1e6,
    maxHeaderLines: 1000,
    maxHeaderBytes: 1e6,
  }
  const line = fc.constantFrom('.', '..', '. .', 'a', '', ' .', 'x'.repeat(998))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 50 }), (lines) => {
      const message = lines.map((each) => `${each}\r\n`).join('')
      const wire = `${lines.map((each) => `${each.replace(/^\./, '..')}\r\n`).join('')}.\r\n`
      expect(read([octets(wire)], large)).toMatchObject({ end: wire.length, message })
    }),
  )
})
