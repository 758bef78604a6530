/** What is read from the fields that Amazon SES puts before a message, and where they end. */
import { expect, test } from 'vitest'
import { sesBlock } from '../../../src/client/ses.ts'
import { type SesEra, sesFields, sesMail } from '../../support/ses-bucket.ts'

const message = 'Received: from a by b\r\nFrom: ada@sender.example\r\n\r\nHello\r\n'

function blockOf(fields: string, below = message) {
  return sesBlock(Buffer.from(fields + below))
}

test('id, time and envelope come from Return-Path and Received', () => {
  expect(blockOf(sesFields({ helo: 'laptop', host: 'mta1.sender.example' }))).toMatchObject({
    id: sesMail.id,
    time: '2026-03-02T09:15:27.000Z',
    envelope: {
      remoteIp: '198.51.100.7',
      remoteHost: 'mta1.sender.example',
      helo: 'laptop',
      reversePath: 'ada@sender.example',
      recipients: ['help@mail.example.net'],
      protocol: 'SMTP',
    },
  })
})

test('a bounce has the null reverse-path, and a client without a name none', () => {
  const mail = { reversePath: '', host: 'unknown', ip: 'IPv6:2001:db8::1' }
  const envelope = blockOf(sesFields(mail))?.envelope
  expect(envelope).toMatchObject({ reversePath: '', remoteIp: '2001:db8::1' })
  expect(envelope).not.toHaveProperty('remoteHost')
})

test('Received without a recipient leaves the recipients empty', () => {
  const fields = sesFields().replace(/ for .*;\r\n/, '')
  expect(blockOf(fields)?.envelope.recipients).toEqual([])
})

const eras: readonly (readonly [SesEra, boolean, string])[] = [
  ['now', true, '2026'],
  ['2019', true, '2019'],
  ['2018', true, '2018'],
  ['2017', true, '2017'],
  ['2016', false, '2016'],
  ['2015', false, '2015'],
]
test.for(eras)('the fields of %s: recorded %s', ([era, recorded, year]) => {
  const fields = sesFields({ era, date: `Mon, 02 Mar ${year} 09:15:27 +0000 (UTC)` })
  const block = blockOf(fields)
  expect(block?.checks !== undefined).toBe(recorded)
  // Where SES left no receipt all below Received is taken for the sender's.
  const top = fields.indexOf('(UTC)') + '(UTC)\r\n'.length
  expect(block?.end).toBe(recorded ? fields.length : top)
})

test('the whole block of a later year, forged below the fields of 2015, is not believed', () => {
  const fields = sesFields({ era: '2015', date: 'Mon, 02 Mar 2015 09:15:27 +0000 (UTC)' })
  const forged = sesFields().replace(/^Return-Path.*\(UTC\)\r\n/s, '')
  expect(forged).toMatch(/^X-SES-Spam/)
  expect(blockOf(fields + forged)).toMatchObject({ checks: undefined, end: fields.length })
})

const names = [
  'X-SES-Spam-Verdict',
  'X-SES-Virus-Verdict',
  'Received-SPF',
  'Authentication-Results',
  'X-SES-DKIM-SIGNATURE',
]
test.for(names)('without %s the block is whole, and ends where it did', (name) => {
  const fields = sesFields().replace(new RegExp(`^${name}: .*\\r\\n( .*\\r\\n)*`, 'm'), '')
  const block = blockOf(fields)
  expect(block?.end).toBe(fields.length)
  expect(block?.checks).not.toHaveProperty(name)
  expect(Object.keys(block?.checks ?? {})).toHaveLength(5)
})

test('every field is taken once, and in the order of SES', () => {
  const fields = sesFields()
  const below = `X-SES-Spam-Verdict: FAIL\r\nX-SES-DKIM-SIGNATURE: x\r\n${fields}${message}`
  expect(blockOf(fields, below)).toEqual(blockOf(fields))
  const early = fields.replace('Received-SPF', 'X-SES-Spam-Verdict: PASS\r\nReceived-SPF')
  expect(blockOf(early)?.checks).toBeUndefined()
})

test('fields of an AddHeader action may stand before SES’s, a Received may not', () => {
  const fields = sesFields()
  const added = 'X-Team: support\r\nX-Note: a\r\n b\r\n'
  expect(blockOf(added + fields)).toEqual({ ...blockOf(fields), end: (added + fields).length })
  expect(blockOf(`Received: from a by b; c\r\n${fields}`)).toBeUndefined()
})

test('line ends may be LF alone', () => {
  const fields = sesFields().replaceAll('\r\n', '\n')
  expect(blockOf(fields)).toMatchObject({ id: sesMail.id, end: fields.length })
})

const strangers = [
  ['nothing', ''],
  ['a message', message],
  ['no Return-Path', sesFields().replace(/^.*\r\n/, '')],
  ['no Received', sesFields({ era: '2015' }).replace(/Received.*/s, '')],
  ['another server', sesFields().replace('.amazonaws.com', '.amazonaws.com.evil.example')],
  ['a server of the like', sesFields({ region: 'x.amazonaws.com with SMTP id ' })],
  ['another protocol', sesFields().replace('with SMTP', 'with ESMTPS')],
  ['no id', sesFields({ id: 'k3v0' })],
  ['no date', sesFields({ date: 'yesterday' })],
  ['a date of another zone', sesFields({ date: 'Mon, 02 Mar 2026 09:15:27 -0800 (PST)' })],
  ['a month that is none', sesFields({ date: 'Mon, 02 Foo 2026 09:15:27 +0000 (UTC)' })],
  ['an address that is none', sesFields({ ip: 'localhost' })],
  ['a field between the two', sesFields().replace('\r\nReceived', '\r\nX: y\r\nReceived')],
  ['a line too many', sesFields().replace('\r\n for', '\r\n by nobody\r\n for')],
  ['HELO that says what SES would', sesFields().replace('\r\n by', ' by')],
  ['a Return-Path of 200 KB', sesFields({ reversePath: 'x'.repeat(200_000) })],
] as const
test.for(strangers)('is not of SES: %s', ([, fields]) => {
  expect(blockOf(fields, '')).toBeUndefined()
})

test('a day that the month does not have is not an error', () => {
  const date = 'Mon, 99 Feb 2026 99:99:99 +0000 (UTC)'
  expect(() => blockOf(sesFields({ date }))).not.toThrow()
})

test('megabytes of folds, names and spaces are read in linear time', () => {
  const started = performance.now()
  for (const text of [' \r\n', '\r\n ', ' (', ' [', 'x: y\r\n', '\t']) {
    blockOf(sesFields(), text.repeat(1_000_000))
    blockOf(sesFields({ helo: text.repeat(20_000) }))
    blockOf(text.repeat(1_000_000), '')
  }
  expect(performance.now() - started).toBeLessThan(5000)
})
