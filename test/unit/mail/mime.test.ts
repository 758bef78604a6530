/** The MIME walk: honest mail is never doubted, what two readers could take differently always is. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CapturedMessage } from '../../../src/mail/captured.ts'
import {
  decodedParts,
  limits,
  type MimeStructure,
  mimeStructure,
  mimeWalker,
} from '../../../src/mail/mime.ts'

function captured(text: string): CapturedMessage {
  const octets = Buffer.from(text, 'latin1')
  return {
    size: octets.length,
    header: octets,
    async *read() {
      yield octets
    },
  }
}

async function structureOf(text: string): Promise<MimeStructure> {
  const found = await mimeStructure(captured(text))
  if (found === undefined) throw new Error('nothing aborts it')
  return found
}

async function contentsOf(text: string): Promise<string[]> {
  const found: string[] = []
  for await (const { content } of decodedParts(captured(text))) {
    found.push(Buffer.concat(await Array.fromAsync(content)).toString('latin1'))
  }
  return found
}

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n`
const head = (...fields: string[]): string =>
  lines('From: <a@b.test>', 'MIME-Version: 1.0', ...fields, '')
const mixed = 'Content-Type: multipart/mixed; boundary="b"'
const zip = ['Content-Type: application/zip; name="a.zip"', 'Content-Transfer-Encoding: base64', '']
const octets64 = Buffer.from('octets of a file').toString('base64')

const honest = [
  // message, has an attachment, leaves, why
  [head() + lines('text'), false, 1, 'text without a type'],
  [
    head('Content-Type: text/plain; charset=us-ascii (Plain text)') + lines('x'),
    false,
    1,
    'a comment (RFC 2045 §5.1)',
  ],
  [
    head('Content-Type: text/html; charset="utf-8";') + lines('<p>'),
    false,
    1,
    'a semicolon at the end',
  ],
  [
    head(
      'Content-Type: multipart/alternative;\r\n\tboundary="----=_NextPart_000_0001_01DA.ABCDEF"',
    ) +
      lines(
        'This is a multi-part message in MIME format.',
        '',
        '------=_NextPart_000_0001_01DA.ABCDEF',
        'Content-Type: text/plain;',
        '\tcharset="us-ascii"',
        'Content-Transfer-Encoding: 7bit',
        '',
        'x',
        '------=_NextPart_000_0001_01DA.ABCDEF',
        'Content-Type: text/html',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '<p>=3D</p>',
        '------=_NextPart_000_0001_01DA.ABCDEF--',
        '',
        'epilogue',
      ),
    false,
    2,
    'Outlook',
  ],
  [
    head('Content-Type: multipart/mixed; boundary="000000000000a1b2"') +
      lines(
        '--000000000000a1b2',
        'Content-Type: multipart/alternative; boundary="000000000000c3d4"',
        '',
        '--000000000000c3d4',
        'Content-Type: text/plain; charset="UTF-8"',
        '',
        'x',
        '',
        '--000000000000c3d4',
        'Content-Type: text/html; charset="UTF-8"',
        '',
        '<div>',
        '',
        '--000000000000c3d4--',
        '--000000000000a1b2',
        'Content-Type: application/pdf; name="a.pdf"',
        'Content-Disposition: attachment; filename="a.pdf"',
        'Content-Transfer-Encoding: base64',
        'Content-ID: <f_1>',
        '',
        octets64,
        '--000000000000a1b2--',
      ),
    true,
    3,
    'Gmail',
  ],
  [
    head(
      'Content-Type: multipart/signed; boundary="Apple-Mail=_1"; protocol="application/pkcs7-signature"; micalg=sha-256',
    ) +
      lines(
        '--Apple-Mail=_1',
        'Content-Type: text/plain',
        '',
        'x',
        '--Apple-Mail=_1',
        'Content-Disposition: attachment; filename=smime.p7s',
        'Content-Type: application/pkcs7-signature; name=smime.p7s',
        'Content-Transfer-Encoding: base64',
        '',
        octets64,
        '',
        '--Apple-Mail=_1--',
      ),
    true,
    2,
    'Apple Mail, S/MIME',
  ],
  [
    head('Content-Type: multipart/report; report-type=delivery-status; boundary="=_b a_="') +
      lines(
        '--=_b a_=',
        '',
        'It failed.',
        '--=_b a_=',
        'Content-Type: message/delivery-status',
        '',
        'Reporting-MTA: dns; mx.test',
        '',
        'Action: failed',
        '--=_b a_=',
        'Content-Type: message/rfc822',
        '',
        'Subject: it',
        '',
        'body',
        '--=_b a_=--',
      ),
    true,
    3,
    'a DSN; a space within a boundary',
  ],
  [
    head(mixed) +
      lines(
        '--b',
        'Content-Type: application/x; name*0="long ";',
        ' name*1="name.bin"',
        '',
        'x',
        '--b',
        "Content-Disposition: attachment; filename*=utf-8''a%20b",
        '',
        '',
        '--b--',
      ),
    true,
    2,
    'RFC 2231; an empty part',
  ],
  [
    head('Content-Type: multipart/mixed; boundary=simple') +
      lines(
        '--simple',
        'Content-Type: text/plain',
        'Content-Transfer-Encoding: base64',
        '',
        Buffer.from('hello').toString('base64'),
        '_______',
        'list footer',
        '--simple--',
      ),
    false,
    1,
    "a mailing list's footer behind base64 is clumsy, no trick",
  ],
  [
    head('Content-Type: multipart/digest; boundary="===============12=="') +
      lines(
        '--===============12==',
        'Content-Type: message/rfc822',
        '',
        'Subject: 1',
        '',
        'one',
        '--===============12==',
        'Content-Type: message/rfc822',
        '',
        'Subject: 2',
        'Content-Type: multipart/mixed; boundary=inner',
        '',
        '--inner',
        '',
        'two',
        '--inner--',
        '',
        '--===============12==--',
      ),
    true,
    2,
    'a digest of a mailing list',
  ],
  [
    head('Content-Type: text/calendar; method=REQUEST; name=invite.ics') + lines('BEGIN:VCALENDAR'),
    true,
    1,
    'an invitation',
  ],
  [head() + lines('-- ', 'a signature', '--', 'and dashes'), false, 1, 'dashes in a text'],
] as const

test.for(honest)('honest: %j %s', async ([text, attached, parts]) => {
  const found = await structureOf(text)
  expect(found.ambiguous).toEqual([])
  expect([found.hasAttachment, found.parts]).toEqual([attached, parts])
})

const part = lines('--b', 'Content-Type: text/plain', '', 'x', '--b--')
const tricks = [
  // message, what is doubted, why (P56, B12)
  [head(mixed, 'Content-Type: text/plain') + part, 'duplicate-content-type', 'two types'],
  [
    head('Content-Type: multipart/mixed; boundary=b; boundary=c') + part,
    'several-boundaries',
    'two boundaries',
  ],
  [
    head("Content-Type: multipart/mixed; boundary=b; boundary*=us-ascii''c") + part,
    'several-boundaries',
    'RFC 2231 beside it',
  ],
  [head('Content-Type: multipart/mixed; boundary*0=b') + part, 'odd-boundary', 'RFC 2231 alone'],
  [
    head('Content-Type: multipart/mixed; boundary=b;c') + part,
    'odd-content-type',
    'a semicolon in a boundary',
  ],
  [head('Content-Type: multipart/mixed boundary=b') + part, 'no-boundary', 'no semicolon'],
  [head('Content-Type: multipart/mixed') + part, 'no-boundary', 'no boundary'],
  [head('Content-Type: multipart/mixed; boundary=""') + part, 'no-boundary', 'an empty boundary'],
  [
    head(`Content-Type: multipart/mixed; boundary=${'b'.repeat(71)}`) + part,
    'odd-boundary',
    'over 70 octets',
  ],
  [
    head('Content-Type: multipart/mixed; boundary="b "') + part,
    'odd-boundary',
    'a space at its end',
  ],
  [head('Content-Type: multipart/mixed; boundary="b\\c"') + part, 'odd-boundary', 'a quoted pair'],
  [head('Content-Type: multipart/mixed; boundary="b\xe4"') + part, 'odd-boundary', 'not ASCII'],
  [head('Content-Type: multipart/mixed; boundary="b\r\n c"') + part, 'odd-boundary', 'folded'],
  [
    head('Content-Type: multipart/mixed (a (b) c); boundary=b') + part,
    'odd-content-type',
    'a comment in a comment',
  ],
  [
    head('Content-Type: multipart/mixed (a; boundary=b') + part,
    'no-boundary',
    'a comment without an end',
  ],
  [
    head('Content-Type (x): multipart/mixed; boundary=b') + part,
    'odd-field-name',
    'a comment behind the name',
  ],
  [
    head('Content-(x)Type: multipart/mixed; boundary=b') + part,
    'odd-field-name',
    'a comment in the name',
  ],
  [
    head('Content-Type : multipart/mixed; boundary=b') + part,
    'odd-field-name',
    'white space before the colon',
  ],
  [
    head('Content\x00-Type: multipart/mixed; boundary=b') + part,
    'odd-field-name',
    'NUL in the name',
  ],
  [head(mixed, 'Content-Transfer-Encoding: base64') + part, 'encoded-composite', 'RFC 2045 §6.4'],
  [
    head('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64') + lines('eA=='),
    'encoded-composite',
    'the same',
  ],
  [
    head(mixed) +
      lines(
        '--b',
        ...zip,
        octets64,
        '--b',
        'Content-Transfer-Encoding: 7bit',
        'Content-Transfer-Encoding: base64',
        '',
        'eA==',
        '--b--',
      ),
    'duplicate-content-transfer-encoding',
    'two encodings',
  ],
  [
    head(mixed) + lines('--b', 'Content-Transfer-Encoding: base64 (x)', '', 'eA==', '--b--'),
    'odd-encoding',
    'a comment behind the encoding',
  ],
  [
    head(mixed) + lines('--b', ...zip, `!!${octets64}`, '--b--'),
    'base64-garbage',
    'what is no base64, in a file',
  ],
  [
    head(mixed) + lines('--b', ...zip, 'eA==eA==', '--b--'),
    'base64-after-padding',
    'data behind the padding',
  ],
  [
    head(mixed) + lines('--b', ...zip, 'eA==', 'eA==', '--b--'),
    'base64-after-padding',
    'the same, a line later',
  ],
  [
    head(mixed) +
      lines(
        '--b',
        'Content-Type: multipart/mixed; boundary=bb',
        '',
        '--bb',
        '',
        'x',
        '--bb--',
        '--b--',
      ),
    'boundary-within-boundary',
    'one begins the other',
  ],
  [
    head(mixed) +
      lines('--b', 'Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'x', '--b--'),
    'boundary-within-boundary',
    'the same twice',
  ],
  [
    head(mixed) + lines('--b', '', 'x', '--bx', 'Content-Type: application/x', '', 'y', '--b--'),
    'almost-a-boundary',
    'a delimiter and more',
  ],
  [
    head(mixed) + lines('--b', 'Content-Type application/x', '', 'x', '--b--'),
    'line-without-colon',
    'a field without a colon',
  ],
] as const

test.for(tricks)('%j is doubted for %s: %s', async ([text, doubt]) => {
  expect((await structureOf(text)).ambiguous).toContain(doubt)
})

const odd = [
  [head(mixed) + lines('--b', '', 'x'), 'unterminated', 'no closing delimiter'],
  [head() + lines('begin 644 a.exe', '#0V%T', '`', 'end'), 'uuencoded', 'a file in a text'],
  [lines('no header at all'), 'line-without-colon', 'no header'],
  [head('Content-Type: plain') + lines('x'), 'malformed-type', 'no subtype'],
  [
    head('Content-Transfer-Encoding: x-own') + lines('x'),
    'unknown-encoding',
    'nobody can decode it',
  ],
  [
    head(mixed) + lines('--b', 'Content-Type: text/plain', '--b--'),
    'header-without-end',
    'a part without a body',
  ],
  [head() + 'x'.repeat(limits.lineBytes * 3), 'long-line', 'a line of a message'],
] as const

test.for(odd)('%j is unusual, %s: %s', async ([text, what]) => {
  const found = await structureOf(text)
  expect(found.unusual).toContain(what)
})

describe('bombs', () => {
  test('nesting ends at its limit', async () => {
    const levels = Array.from({ length: 200 }, (_, index) => `${index}x`)
    const text = levels
      .map((each) => `Content-Type: multipart/mixed; boundary=${each}\r\n\r\n--${each}\r\n`)
      .join('')
    const found = await structureOf(`From: x\r\n${text}\r\nend\r\n`)
    expect(found.unusual).toContain('mime-limits')
  })

  test('ten thousand parts are told as many, and no list grows without end', async () => {
    const parts = Array.from(
      { length: 10_000 },
      () => '--b\r\nContent-Type: application/x\r\n\r\nx\r\n',
    )
    const found = await structureOf(`${head(mixed)}${parts.join('')}--b--\r\n`)
    expect(found.unusual).toContain('mime-limits')
    expect(found.attachments).toHaveLength(limits.attachments)
  })

  test('of a thousand boundaries in one field three are looked for', async () => {
    const all = Array.from({ length: 1000 }, (_, index) => `boundary=b${index}`).join('; ')
    const body = Array.from({ length: 1000 }, (_, index) => `--b${index}\r\n\r\nx\r\n`).join('')
    const found = await structureOf(head(`Content-Type: multipart/mixed; ${all}`) + body)
    expect(found.ambiguous).toContain('several-boundaries')
    expect(found.parts).toBe(3)
  })

  test('when its time is over the walk ends', async () => {
    expect(await mimeStructure(captured(head()), AbortSignal.abort())).toBeUndefined()
  })

  test('a part that is all header ends being one', async () => {
    const found = await structureOf(`${head(mixed)}--b\r\n${'X: y\r\n'.repeat(100_000)}`)
    expect(found.unusual).toContain('mime-limits')
  })
})

describe('decoding', () => {
  const cases = [
    [head(mixed) + lines('--b', ...zip, octets64, '--b--'), ['octets of a file'], 'base64'],
    [head(mixed) + lines('--b', ...zip, 'eA==eQ==', '--b--'), ['xy'], 'two base64 texts in one'],
    [
      head('Content-Transfer-Encoding: quoted-printable') + lines('a=3Db=', 'c =20', 'd'),
      ['a=bc  \r\nd\r\n'],
      'quoted-printable, soft line ends',
    ],
    [
      head() + lines('text', 'begin 644 cat.txt', '#0V%T', '`', 'end', 'more'),
      ['text\r\nbegin 644 cat.txt\r\nCatend\r\nmore\r\n'],
      'uuencode',
    ],
    [
      head('Content-Type: multipart/mixed; boundary=b; boundary=c') +
        lines('--c', '', 'hidden', '--c--'),
      ['hidden\r\n'],
      'of two boundaries both are looked for',
    ],
    [
      head('Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: base64') + lines('eA=='),
      ['x'],
      'of two encodings the one that hides',
    ],
  ] as const
  test.for(cases)('%j gives %j: %s', async ([text, expected]) => {
    expect(await contentsOf(text)).toEqual(expected)
  })

  test('base64 of any octets in lines of any length comes back', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 500 }),
        fc.integer({ min: 1, max: 100 }),
        async (octets, width) => {
          const text = Buffer.from(octets).toString('base64')
          const wrapped = text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []
          const body = lines('--b', ...zip, ...wrapped, '--b--')
          const [content] = await contentsOf(head(mixed) + body)
          expect(Buffer.from(content ?? '', 'latin1').equals(Buffer.from(octets))).toBe(true)
        },
      ),
    ))

  test('a part nobody reads is passed over', async () => {
    const body = lines('--b', '', 'one', '--b', '', 'two', '--b--')
    const types: string[] = []
    for await (const { fields } of decodedParts(captured(head(mixed) + body)))
      types.push(fields.type)
    expect(types).toEqual(['text/plain', 'text/plain'])
  })
})

const pieces = fc.constantFrom(
  '\r\n',
  '\r\n\r\n',
  '--b',
  '--b--',
  '--c',
  'Content-Type: ',
  'multipart/mixed',
  'text/plain',
  'application/x',
  '; ',
  'boundary=',
  '"',
  'b',
  'c',
  '(',
  ')',
  '\\',
  'Content-Transfer-Encoding: base64',
  'eA==',
  'begin 644 x',
  'message/rfc822',
  '=',
  ' ',
  '\t',
  'x',
)

test('whatever comes, in whatever pieces, it ends with the same structure and never throws', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(pieces, fc.string({ maxLength: 20 })), { maxLength: 60 }),
      fc.array(fc.nat(2000), { maxLength: 12 }),
      (words, cuts) => {
        const message = Buffer.from(`From: x\r\n${words.join('')}`)
        const whole = mimeWalker()
        whole.feed(message)
        whole.end()
        const split = mimeWalker()
        const at = [
          0,
          ...cuts.map((each) => each % message.length).sort((a, b) => a - b),
          message.length,
        ]
        for (const [index, end] of at.slice(1).entries())
          split.feed(message.subarray(at[index], end))
        split.end()
        expect(split.structure()).toEqual(whole.structure())
      },
    ),
    { numRuns: 2000 },
  )
})

test('lines of base64 that are passed over are those that line by line leave no doubt', () => {
  const full = `${'QUJD'.repeat(19)}\r\n`
  const start = `${head('Content-Type: multipart/mixed; boundary="b"')}--b\r\n`
  const part =
    'Content-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
  const odd = fc.constantFrom(
    '=',
    '==',
    '\r',
    '\n',
    '-',
    '--b',
    '--b--',
    '!',
    ' ',
    'A',
    'begin 644 x',
    '\r\n',
  )
  const whole = (pieces: readonly Buffer[]): MimeStructure => {
    const walker = mimeWalker()
    for (const each of pieces) walker.feed(each)
    walker.end()
    return walker.structure()
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 600 }), odd), { maxLength: 4 }),
      fc.nat({ max: 700 }),
      (changes, cut) => {
        let body = full.repeat(8)
        for (const [at, text] of changes)
          body = body.slice(0, at) + text + body.slice(at + text.length)
        const octets = Buffer.from(`${start}${part}${body}\r\n--b--\r\n`, 'latin1')
        const oneByOne = Array.from(octets, (octet) => Buffer.of(octet))
        const slowly = whole(oneByOne)
        expect(whole([octets])).toEqual(slowly)
        expect(whole([octets.subarray(0, cut), octets.subarray(cut)])).toEqual(slowly)
      },
    ),
    { numRuns: 500 },
  )
})
