/** Bounce messages: what another implementation reads in them, and what no sender can put there. RFC 3464 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DsnInput, deliveryStatusNotification } from '../../../src/mail/dsn.ts'
import type { Receipt } from '../../../src/mail/receipt.ts'
import { allDisabled } from '../../../src/mail/verdict.ts'
import { octetsOf, type ReadDsn, readByPython } from '../../support/dsn.ts'
import { restOfRecord } from '../../support/record.ts'

const { envelope } = restOfRecord()
const receipt: Receipt = {
  version: 1,
  id: 'i'.repeat(40),
  time: '2026-03-02T09:15:27.000Z',
  envelope: { ...envelope, reversePath: 'sender@elsewhere.test' },
  ruleSet: 'default',
  rule: 'bounces',
  recipients: ['ann@example.test', 'bob@example.test'],
  verdicts: allDisabled('test'),
  size: 100,
  sha256: '',
}
const header = 'From: sender@elsewhere.test\r\nMessage-ID: <1@elsewhere.test>\r\nSubject: hello\r\n'
const input: DsnInput = {
  hostname: 'mx.example.test',
  sender: 'postmaster@example.test',
  receipt,
  reply: { code: '550', status: '5.1.1', text: 'Mailbox does not exist' },
  header: Buffer.from(`${header}\r\n`),
  time: new Date('2026-03-02T09:15:30.000Z'),
  messageId: 'bounce-1',
}

const dsn = (changes: Partial<DsnInput> = {}) =>
  deliveryStatusNotification({ ...input, ...changes })
const from = (reversePath: string, recipients = receipt.recipients): Receipt => ({
  ...receipt,
  envelope: { ...receipt.envelope, reversePath },
  recipients,
})
function read(message: Uint8Array): ReadDsn {
  const [found] = readByPython([message])
  if (found === undefined) throw new Error('nothing was read')
  return found
}
const valuesOf = ({ fields }: Pick<ReadDsn, 'fields'>, name: string) =>
  fields.filter(([each]) => each === name).map(([, value]) => value)

test('another implementation reads every field and part back (RFC 3464, RFC 6522)', () => {
  const found = read(dsn())
  expect(found).toMatchObject({
    type: 'multipart/report',
    reportType: 'delivery-status',
    defects: [],
    fields: [
      ['From', 'Mail Delivery System <postmaster@example.test>'],
      ['To', 'sender@elsewhere.test'],
      ['Subject', 'Delivery Status Notification (Failure)'],
      ['Date', 'Mon, 02 Mar 2026 09:15:30 +0000'],
      ['Message-ID', '<bounce-1@mx.example.test>'],
      ['In-Reply-To', '<1@elsewhere.test>'],
      ['References', '<1@elsewhere.test>'],
      ['Auto-Submitted', 'auto-replied'],
      ['MIME-Version', '1.0'],
      ['Content-Type', expect.stringContaining('multipart/report; report-type="delivery-status"')],
    ],
    parts: [
      { type: 'text/plain', encoding: null, defects: [] },
      { type: 'message/delivery-status', encoding: null, defects: [] },
      { type: 'text/rfc822-headers', encoding: null, defects: [] },
    ],
  })
  const [words, status, original] = found.parts
  expect(octetsOf(words).toString()).toBe(
    [
      'This message could not be delivered.',
      '',
      '  ann@example.test',
      '      550 5.1.1 Mailbox does not exist',
      '  bob@example.test',
      '      550 5.1.1 Mailbox does not exist',
      '',
      'mx.example.test does not take it for these recipients. It will not be tried again.',
      '',
    ].join('\r\n'),
  )
  const group = (address: string) => [
    ['Final-Recipient', `rfc822; ${address}`],
    ['Action', 'failed'],
    ['Status', '5.1.1'],
    ['Diagnostic-Code', 'smtp; 550 5.1.1 Mailbox does not exist'],
    ['Last-Attempt-Date', 'Mon, 02 Mar 2026 09:15:30 +0000'],
  ]
  expect(status?.groups).toEqual([
    [
      ['Reporting-MTA', 'dns; mx.example.test'],
      ['Arrival-Date', 'Mon, 02 Mar 2026 09:15:27 +0000'],
    ],
    group('ann@example.test'),
    group('bob@example.test'),
  ])
  expect(octetsOf(original).toString()).toBe(header)
})

test('a second attempt has the same Message-ID and boundary, another message another', () => {
  const later = read(dsn({ time: new Date('2026-03-02T10:00:00Z') }))
  const first = read(dsn())
  expect(later.boundary).toBe(first.boundary)
  expect(valuesOf(later, 'Message-ID')).toEqual(valuesOf(first, 'Message-ID'))
  expect(dsn()).toEqual(dsn())
  expect(read(dsn({ messageId: 'bounce-2' })).boundary).not.toBe(first.boundary)
})

const statuses = [
  // reply, Status, Diagnostic-Code, why
  [{ code: '550', text: 'No' }, '5.0.0', 'smtp; 550 5.0.0 No', 'RFC 3463: other, undefined'],
  [{ code: '451', text: 'No' }, '4.0.0', 'smtp; 451 4.0.0 No', 'the class is that of the code'],
  [
    { code: '450', status: '4.2.2', text: 'Mailbox full' },
    '4.2.2',
    'smtp; 450 4.2.2 Mailbox full',
    'SES: failed for a 4xx too, it is not tried again',
  ],
] as const

test.for(statuses)('%j gives Status %s and Diagnostic-Code %s: %s', ([reply, status, code]) => {
  const group = read(dsn({ reply })).parts[1]?.groups?.[1]
  expect(group).toContainEqual(['Action', 'failed'])
  expect(group).toContainEqual(['Status', status])
  expect(group).toContainEqual(['Diagnostic-Code', code])
})

const headers = [
  // header section, what comes back, encoding, why
  ['', '', null, 'there was none'],
  ['\r\nbody: this\r\n', '', null, 'the message begins with the empty line'],
  ['Subject: x\r\n\r\nbody', 'Subject: x\r\n', null, 'nothing of the body goes back'],
  ['Subject: x\r\nbroken', 'Subject: x\r\n', null, 'whole lines only'],
  [
    'Subject: caf\xe9 = x \r\n\r\n',
    'Subject: caf\xe9 = x \r\n',
    'quoted-printable',
    'RFC 6522 §4: an old charset',
  ],
  ['.\r\n..x: y\r\n\r\n', '.\r\n..x: y\r\n', null, 'dots are the transport’s'],
] as const

test.for(headers)('of the header section %j comes back %j, %s: %s', ([section, back, encoding]) => {
  const { defects, parts } = read(dsn({ header: Buffer.from(section, 'latin1') }))
  expect(defects).toEqual([])
  expect(parts).toHaveLength(3)
  expect(parts[2]).toMatchObject({ type: 'text/rfc822-headers', encoding })
  expect(octetsOf(parts[2]).toString('latin1')).toBe(back)
})

test('a line longer than RFC 5322 §2.1.1 allows goes back encoded, and whole', () => {
  const line = `X: ${'y'.repeat(5000)}\r\n`
  const message = dsn({ header: Buffer.from(`${line}\r\n`) })
  expect(message.toString()).not.toMatch(/[^\r\n]{999}/)
  const [, , part] = read(message).parts
  expect(part?.encoding).toBe('quoted-printable')
  expect(octetsOf(part).toString()).toBe(line)
})

test('at most 64 KiB of the header section go back, in whole lines', () => {
  const line = `X-Long: ${'x'.repeat(90)}\r\n`
  const [, , part] = read(dsn({ header: Buffer.from(`${line.repeat(2000)}\r\n`) })).parts
  const back = octetsOf(part).toString()
  expect(back).toBe(line.repeat(Math.floor((64 * 1024) / line.length)))
})

test('a sender beyond ASCII is told in UTF-8, since its server takes that (RFC 6533)', () => {
  const section = 'From: jürgen@elsewhere.test\r\nSubject: grüß dich\r\n'
  const message = dsn({
    receipt: from('jürgen@élsewhere.test', ['ü@example.test', 'ann@example.test']),
    header: Buffer.from(`${section}\r\n`),
  })
  const found = read(message)
  expect(valuesOf(found, 'Content-Transfer-Encoding')).toEqual(['8bit'])
  expect(found.parts.map(({ type, encoding }) => [type, encoding])).toEqual([
    ['text/plain', '8bit'],
    ['message/global-delivery-status', '8bit'],
    ['message/global-headers', '8bit'],
  ])
  // Python reads fields by RFC 5322: what RFC 6532 adds is looked at as it leaves.
  const text = message.toString('utf8')
  expect(text).toContain('\r\nTo: <jürgen@élsewhere.test>\r\n')
  expect(text).toContain('\r\nFinal-Recipient: utf-8; ü@example.test\r\n')
  expect(text).toContain('\r\nFinal-Recipient: rfc822; ann@example.test\r\n')
  expect(text).toContain(`Content-Type: message/global-headers\r\n`)
  expect(text).toContain(`\r\n\r\n${section}\r\n--`)
})

test('to anybody else all of it is ASCII, the addresses quoted (RFC 6533 §3)', () => {
  const message = dsn({
    receipt: from('sender@elsewhere.test', ['ü+1@example.test', 'ann@example.test']),
    header: Buffer.from('Subject: grüß dich\r\n\r\n'),
    sender: 'pöstmaster@example.test',
  })
  expect(message.toString('latin1')).toMatch(/^[\x00-\x7f]*$/)
  const found = read(message)
  expect(found.defects).toEqual([])
  // The sender's server would not know what to do with the one in the rule.
  expect(valuesOf(found, 'From')).toEqual(['Mail Delivery System <MAILER-DAEMON@mx.example.test>'])
  expect(octetsOf(found.parts[0]).toString('utf8')).toContain('  ü+1@example.test\r\n')
  expect(found.parts[1]?.groups?.slice(1).map(([first]) => first)).toEqual([
    ['Final-Recipient', 'utf-8; \\x{FC}\\x{2B}1@example.test'],
    ['Final-Recipient', 'rfc822; ann@example.test'],
  ])
  expect(octetsOf(found.parts[2]).toString('utf8')).toBe('Subject: grüß dich\r\n')
})

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    'a@b.test>\r\nBcc: <all@c.test',
    'x\r\n\r\nStatus: 2.0.0',
    '\n--=_',
    '"\r\n"@b.test',
    'x\u2028Status: 2.0.0',
    '\ud800',
  ),
)
const hostileHeader = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((octets) => Buffer.from(octets)),
  fc
    .array(
      fc.constantFrom(
        'Message-ID: <x\r\n y>\r\n',
        'Message-ID: <a@b.test> <c@d.test>\r\n',
        'Message-ID: <a\x1b@b.test>\r\n',
        '--=_\r\n',
        'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n',
        '\r\n',
        '\xff\xfe: \xff\r\n',
      ),
    )
    .map((lines) => Buffer.from(lines.join(''), 'latin1')),
)

test('no address, text or header section adds a field, a part or a line', () => {
  const messages: Buffer[] = []
  fc.assert(
    fc.property(
      hostileText,
      hostileText,
      hostileText,
      hostileHeader,
      (to, recipient, text, section) => {
        const message = dsn({
          receipt: from(to, [recipient]),
          reply: { code: '550', status: '5.1.1', text },
          header: section,
        })
        messages.push(message)
        // 8-bit text or none: no bare CR or LF but in what is quoted-printable.
        expect(message.toString('latin1')).not.toMatch(/\r(?!\n)|(?<!\r)\n|[^\r\n]{999}/)
      },
    ),
    { numRuns: 300 },
  )
  for (const found of readByPython(messages)) {
    expect(found.type).toBe('multipart/report')
    expect(found.parts).toHaveLength(3)
    const names = found.fields.map(([name]) => name)
    expect([...new Set(names)]).toEqual(names)
    expect(names).not.toContain('Bcc')
    const { groups } = found.parts[1] ?? {}
    if (groups === undefined) continue
    expect(groups).toHaveLength(2)
    expect(groups[1]?.filter(([name]) => name === 'Status')).toEqual([['Status', '5.1.1']])
  }
})
