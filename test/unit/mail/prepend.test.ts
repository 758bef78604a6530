/** The fields before a stored message: true, foldable, and closed to whoever would add one. D§6 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Envelope } from '../../../src/mail/envelope.ts'
import { type AddedField, prependedFields, rfc5322Date } from '../../../src/mail/prepend.ts'
import type { Receipt } from '../../../src/mail/receipt.ts'
import { allDisabled, type Verdicts } from '../../../src/mail/verdict.ts'

const envelope: Envelope = {
  remoteIp: '192.0.2.1',
  helo: 'client.example.test',
  reversePath: 'sender@example.test',
  recipients: ['you@example.test'],
  protocol: 'ESMTP',
}

const base: Receipt = {
  version: 1,
  id: `${'0'.repeat(39)}1`,
  time: '2026-03-02T09:15:27.000Z',
  envelope,
  ruleSet: 'default',
  rule: 'all',
  recipients: ['you@example.test'],
  verdicts: allDisabled('off'),
  size: 3,
  sha256: 'ab'.repeat(32),
}

type Change = Partial<Envelope> & { readonly verdicts?: Verdicts }

function fieldsFor({ verdicts, ...change }: Change, added: readonly AddedField[] = []): string {
  const receipt = {
    ...base,
    envelope: { ...envelope, ...change },
    verdicts: verdicts ?? base.verdicts,
  }
  return prependedFields('mx.example.test', receipt, added).toString('utf8')
}

/** Fields unfolded, as a reader of RFC 5322 §2.2.3 sees them; throws for what is no header section. */
function fields(text: string): string[] {
  expect(text.endsWith('\r\n')).toBe(true)
  const lines = text
    .slice(0, -2)
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
  for (const line of lines) expect(line).toMatch(/^[!-9;-~]+:[^\r\n\0]*$/)
  return lines
}

const received = (text: string): string =>
  (fields(text).find((each) => each.startsWith('Received:')) ?? '').replaceAll('\t', ' ')

test('the fields are ours, in the documented order', () => {
  const names = fields(fieldsFor({}, [{ name: 'X-Team', value: 'blue' }])).map(
    (each) => each.split(':')[0],
  )
  expect(names).toEqual([
    'Return-Path',
    'Received',
    'Authentication-Results',
    'X-Postern-Receipt',
    'X-Team',
  ])
})

test('the whole of a Received field', () => {
  expect(fieldsFor({ tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' } })).toContain(
    [
      'Received: from client.example.test ([192.0.2.1])',
      '\tby mx.example.test with ESMTP id 0000000000000000000000000000000000000001',
      '\tfor <you@example.test>',
      '\ttls TLS_AES_256_GCM_SHA384;',
      '\tMon, 02 Mar 2026 09:15:27 +0000',
      '',
    ].join('\r\n'),
  )
})

describe('the from clause of Received', () => {
  const cases = [
    [{}, 'from client.example.test ([192.0.2.1])', 'RFC 5321 §4.4: TCP-info after the name'],
    [
      { remoteHost: 'ptr.example.test' },
      'from client.example.test (ptr.example.test [192.0.2.1])',
      'the PTR name when there is one',
    ],
    [
      { remoteIp: '2001:db8::1' },
      'from client.example.test ([IPv6:2001:db8::1])',
      'RFC 5321 §4.1.3',
    ],
    [{ helo: '[192.0.2.7]' }, 'from [192.0.2.7] ([192.0.2.1])', 'an address literal is a HELO'],
    [{ helo: '[IPv6:2001:db8::7]' }, 'from [IPv6:2001:db8::7] ([192.0.2.1])', 'of IPv6, too'],
    [{ helo: 'my_host' }, 'from my_host ([192.0.2.1])', 'underscores are common'],
    [{ helo: '' }, 'from [192.0.2.1] ([192.0.2.1] helo )', 'no HELO argument'],
    [{ helo: 'a b' }, 'from [192.0.2.1] ([192.0.2.1] helo a b)', 'not a domain: into a comment'],
    [
      { helo: 'x) by evil.test (y' },
      String.raw`from [192.0.2.1] ([192.0.2.1] helo x\) by evil.test \(y)`,
      'a comment can’t be closed from within',
    ],
    [{ helo: 'x\\' }, String.raw`from [192.0.2.1] ([192.0.2.1] helo x\\)`, 'nor its end be quoted'],
    [
      { helo: 'a\r\nX-Evil: 1' },
      'from [192.0.2.1] ([192.0.2.1] helo a??X-Evil: 1)',
      'no line end from HELO',
    ],
    [
      { helo: 'bücher.test' },
      'from [192.0.2.1] ([192.0.2.1] helo b?cher.test)',
      'visible ASCII only',
    ],
    [{ remoteHost: 'a\r\nX: y' }, 'from client.example.test (a??X: y [192.0.2.1])', 'nor from DNS'],
    [
      { remoteHost: 'x) (y' },
      String.raw`from client.example.test (x\) \(y [192.0.2.1])`,
      'nor from DNS',
    ],
  ] as const satisfies readonly (readonly [Change, string, string])[]
  test.for(cases)('%j gives %s: %s', ([change, expected]) => {
    expect(received(fieldsFor(change))).toContain(`${expected} by mx.example.test`)
  })
})

describe('the other clauses of Received', () => {
  const cases = [
    [
      { recipients: ['you@example.test', 'me@example.test'] },
      /for </,
      false,
      'RFC 5321 §7.2: no recipient learns of another',
    ],
    [
      { recipients: ['you@example.test'] },
      /for <you@example\.test>;/,
      true,
      'one recipient is no secret',
    ],
    [
      { recipients: ['"a b"@example.test'] },
      /for <"a b"@example\.test>;/,
      true,
      'a quoted local part as it came',
    ],
    [
      { recipients: ['用户@example.test'], protocol: 'UTF8SMTP' },
      /with UTF8SMTP id .*for <用户@example\.test>;/,
      true,
      'RFC 6531 §3.7.3: UTF-8 in a field',
    ],
    [{ protocol: 'SMTP' }, /with SMTP id/, true, 'HELO'],
    [{}, /\btls\b/, false, 'no TLS, no clause'],
    [
      { tls: { version: 'TLSv1.2', cipher: 'ECDHE-RSA-AES256-GCM-SHA384' } },
      /tls ECDHE-RSA-AES256-GCM-SHA384;/,
      true,
      'RFC 8314 §4.3',
    ],
    [
      { tls: { version: 'x', cipher: 'a b;\r\nX: y' } },
      /tls a_b___X__y;/,
      true,
      'whatever OpenSSL says is one atom',
    ],
  ] as const satisfies readonly (readonly [Change, RegExp, boolean, string])[]
  test.for(cases)('%j: %s is %s, %s', ([change, pattern, expected]) => {
    expect(pattern.test(received(fieldsFor(change)))).toBe(expected)
  })
})

describe('Return-Path', () => {
  const cases = [
    ['sender@example.test', '<sender@example.test>', 'RFC 5321 §4.4'],
    ['', '<>', 'the null reverse-path'],
    ['a\r\nX-Evil: 1@example.test', '<a??X-Evil: 1@example.test>', 'no line end'],
    ['a\0\x7f@example.test', '<a??@example.test>', 'no control character'],
    ['"a\tb"@example.test', '<"a\tb"@example.test>', 'a tab is white space'],
    ['пример@example.test', '<пример@example.test>', 'RFC 6531: UTF-8'],
  ] as const
  test.for(cases)('%j is %j: %s', ([reversePath, expected]) => {
    expect(fields(fieldsFor({ reversePath }))[0]).toBe(`Return-Path: ${expected}`)
  })
})

describe('the verdict fields', () => {
  const pass = { verdict: 'PASS' } as const
  const failed = { verdict: 'PROCESSING_FAILED' } as const
  const cases = [
    [base.verdicts, [], 'SES: absent when nothing was scanned'],
    [
      { ...base.verdicts, spam: pass, virus: failed },
      ['X-SES-Spam-Verdict: PASS', 'X-SES-Virus-Verdict: PROCESSING_FAILED'],
      'SES: the words of the receipt',
    ],
    [{ ...base.verdicts, virus: pass }, ['X-SES-Virus-Verdict: PASS'], 'each for itself'],
  ] as const satisfies readonly (readonly [Verdicts, readonly string[], string])[]
  test.for(cases)('of %j are %j: %s', ([verdicts, expected]) => {
    const found = fields(fieldsFor({ verdicts })).filter((each) => each.startsWith('X-SES-'))
    expect(found).toEqual(expected)
  })
})

describe('added fields', () => {
  const long = 'word '.repeat(400).trim()
  const wide = '€uro '.repeat(400).trim()
  const cases = [
    ['plain', 'plain', 'as the rule says'],
    ['a\r\nX-Evil: 1', 'a??X-Evil: 1', 'no second field'],
    ['a\r\n\r\nbody', 'a????body', 'no end of the header section'],
    ['a\nb\rc\0d', 'a?b?c?d', 'no control character'],
    ['čeština 🐎', 'čeština 🐎', 'UTF-8 stays'],
    [long, long, 'folded, and the same again when unfolded'],
    [wide, wide, 'the same counted in octets'],
  ] as const
  test.for(cases.map(([value, expected, why]) => [why, value, expected] as const))(
    '%s',
    ([, value, expected]) => {
      const found = fields(fieldsFor({}, [{ name: 'X-Added', value }]))
      expect(found.at(-1)).toBe(`X-Added: ${expected}`)
      expect(found).toHaveLength(5)
    },
  )
})

test('no line of ours is longer than 998 octets, whatever HELO, DNS and rules say', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2000 }),
    fc.constantFrom('a'.repeat(2000), '('.repeat(2000), `${'a'.repeat(63)}.`.repeat(30)),
  )
  // RFC 5321 §4.5.3.1.3: Haraka lets no path pass that is longer than 256 octets.
  const address = fc
    .string({ unit: 'binary', maxLength: 256 })
    .filter((each) => Buffer.byteLength(each) <= 256)
  const words = fc
    .array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 100 })
    .map((each) => each.join(' '))
  fc.assert(
    fc.property(name, name, address, address, words, (helo, remoteHost, from, to, value) => {
      const text = fieldsFor({ helo, remoteHost, reversePath: from, recipients: [to] }, [
        { name: 'X-Added', value },
      ])
      expect(fields(text)).toHaveLength(5)
      const lengths = text.split('\r\n').map((each) => Buffer.byteLength(each))
      expect(Math.max(...lengths)).toBeLessThanOrEqual(998)
    }),
  )
})

test('the receipt is read back from its field', () => {
  const field = fields(fieldsFor({ reversePath: 'пример@example.test' })).find((each) =>
    each.startsWith('X-Postern-Receipt: '),
  )
  const base64 = (field ?? '').slice('X-Postern-Receipt: '.length).replaceAll(' ', '')
  const receipt: unknown = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'))
  expect(receipt).toMatchObject({ id: base.id, envelope: { reversePath: 'пример@example.test' } })
})

describe('dates', () => {
  const cases = [
    ['2026-03-02T09:15:27.999Z', 'Mon, 02 Mar 2026 09:15:27 +0000', 'RFC 5322 §3.3, in UTC'],
    ['2024-02-29T23:59:59.000Z', 'Thu, 29 Feb 2024 23:59:59 +0000', 'a leap day'],
    ['1999-12-31T00:00:00.000Z', 'Fri, 31 Dec 1999 00:00:00 +0000', 'two digits everywhere'],
  ] as const
  test.for(cases)('%s is %s: %s', ([time, expected]) => {
    expect(rfc5322Date(new Date(time))).toBe(expected)
  })
})
