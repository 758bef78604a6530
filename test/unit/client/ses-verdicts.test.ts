/** SES's words become verdicts, and nothing that a sender can write ever becomes PASS. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sesBlock } from '../../../src/client/ses.ts'
import { sesVerdicts } from '../../../src/client/ses-verdicts.ts'
import { summaryOf, verdictNames } from '../../../src/mail/verdict.ts'
import { type SesMail, sesFields } from '../../support/ses-bucket.ts'

const below = 'From: ada@sender.example\r\n\r\nHello\r\n'

function verdictsOf(fields: string, message = below) {
  const block = sesBlock(Buffer.from(fields + message))
  return block && sesVerdicts(block, 1)
}

function summary(changes: Partial<SesMail>, edit = (fields: string): string => fields) {
  const verdicts = verdictsOf(edit(sesFields(changes)))
  return verdicts && summaryOf(verdicts)
}

test('a message that passed everything', () => {
  const engine = 'amazonses.com'
  const pass = { verdict: 'PASS', engine }
  const domain = 'sender.example'
  const signature = { result: 'pass', domain, selector: '', identity: `@${domain}`, aligned: true }
  expect(verdictsOf(sesFields())).toEqual({
    spf: { ...pass, result: 'pass' },
    dkim: { ...pass, signatures: [signature] },
    dmarc: { ...pass, result: 'pass', domain },
    spam: pass,
    virus: pass,
  })
})

test.for([
  ['pass', 'PASS'],
  ['fail', 'FAIL spf-fail'],
  ['softfail', 'GRAY spf-softfail'],
  ['neutral', 'GRAY spf-neutral'],
  ['none', 'GRAY spf-none'],
  ['temperror', 'PROCESSING_FAILED spf-temperror'],
  ['permerror', 'PROCESSING_FAILED spf-permerror'],
  ['passed', 'PROCESSING_FAILED unreadable'],
  ['toString', 'PROCESSING_FAILED unreadable'],
])('spf=%s is %s', ([spf = '', expected]) => {
  expect(summary({ spf })?.spf).toBe(expected)
})

test.for([
  ['pass', 'PASS'],
  ['fail', 'FAIL dmarc-fail'],
  ['none', 'GRAY dmarc-none'],
  ['temperror', 'PROCESSING_FAILED dmarc-temperror'],
  ['permerror', 'PROCESSING_FAILED dmarc-permerror'],
  ['bestguesspass', 'PROCESSING_FAILED unreadable'],
])('dmarc=%s is %s', ([result = '', expected]) => {
  expect(summary({ dmarc: { result, domain: 'sender.example' } })?.dmarc).toBe(expected)
  const older = { dmarc: { result, domain: 'sender.example' }, era: '2019' } as const
  expect(summary(older)?.dmarc).toBe(expected)
})

const signed = [
  // signatures, header.from, dmarc, verdict, why
  [['pass a.example'], 'a.example', 'pass', 'PASS', 'the From domain signed'],
  [['pass a.example'], 'A.Example', 'pass', 'PASS', 'whatever the case'],
  [['pass m.a.example'], 'a.example', 'pass', 'PASS', 'a domain below the From domain'],
  [['pass a.example'], 'm.a.example', 'none', 'PASS', 'a domain above the From domain'],
  [['pass b.example'], 'a.example', 'none', 'GRAY dkim-not-aligned', 'another domain'],
  [['pass ba.example'], 'a.example', 'none', 'GRAY dkim-not-aligned', 'only the end of a label'],
  [
    ['pass example'],
    'a.example',
    'none',
    'GRAY dkim-not-aligned',
    'a top-level domain is above all',
  ],
  [['pass m.a.example'], 'a.example', 'fail', 'GRAY dkim-not-aligned', 'adkim=s: DMARC says so'],
  [['pass a.example'], undefined, 'none', 'GRAY dkim-not-aligned', 'no From domain was recorded'],
  [[], 'a.example', 'none', 'GRAY dkim-none', 'no signature'],
  [['none a.example'], 'a.example', 'none', 'GRAY dkim-none', 'the same in words'],
  [['fail a.example'], 'a.example', 'none', 'FAIL dkim-fail', 'altered'],
  [
    ['fail a.example', 'pass b.example'],
    'a.example',
    'none',
    'FAIL dkim-fail',
    'altered on a list',
  ],
  [['fail b.example', 'pass a.example'], 'a.example', 'pass', 'PASS', 'one good one is enough'],
  [['permerror x.gappssmtp.com'], 'a.example', 'pass', 'GRAY dkim-neutral', 'no key in DNS'],
  [['temperror a.example'], 'a.example', 'none', 'PROCESSING_FAILED dkim-temperror', 'DNS is away'],
  [['good a.example'], 'a.example', 'none', 'PROCESSING_FAILED unreadable', 'no such word'],
  [['pass a.example (b)'], 'a.example', 'pass', 'PROCESSING_FAILED unreadable', 'no such domain'],
] as const
test.for(signed)('%j From %s, dmarc=%s: %s (%s)', ([signatures, from, result, expected]) => {
  const dkim = signatures.map((each) => {
    const [word = '', ...domain] = each.split(' ')
    return { result: word, domain: domain.join(' ') }
  })
  const fields = from === undefined ? sesFields({ dkim, era: '2018' }) : undefined
  const edited = fields?.replace(/ dmarc=.*\r\n/, '')
  const verdicts = verdictsOf(edited ?? sesFields({ dkim, dmarc: { result, domain: from ?? '' } }))
  expect(verdicts && summaryOf(verdicts).dkim).toBe(expected)
})

test('spam and virus are SES’s words, and DISABLED where there are none', () => {
  const words = (spam: string, virus: string) => summary({ scan: { spam, virus } })
  expect(words('FAIL', 'FAIL')).toMatchObject({ spam: 'FAIL ses-verdict', virus: 'FAIL infected' })
  expect(words('GRAY', 'PROCESSING_FAILED')).toMatchObject({
    spam: 'GRAY ses-verdict',
    virus: 'PROCESSING_FAILED ses-verdict',
  })
  expect(words('pass', 'PASS PASS')).toMatchObject({
    spam: 'PROCESSING_FAILED unreadable',
    virus: 'PROCESSING_FAILED unreadable',
  })
  const off = sesFields().replace(/X-SES-(Spam|Virus)-Verdict.*\r\n/g, '')
  const forged = verdictsOf(
    off,
    `X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n${below}`,
  )
  expect(forged && summaryOf(forged)).toMatchObject({
    spam: 'DISABLED scan-not-enabled',
    virus: 'DISABLED scan-not-enabled',
  })
})

const damaged: readonly (readonly [why: string, edit: (fields: string) => string])[] = [
  ['no Received-SPF', (fields) => fields.replace(/^Received-SPF.*\r\n/m, '')],
  ['another Received-SPF', (fields) => fields.replace('SPF: pass', 'SPF: fail')],
  ['another server', (fields) => fields.replace(': amazonses.com;', ': amazonses.com.evil;')],
  ['all in one line', (fields) => fields.replaceAll(/;\r\n (?=spf=|dkim=|dmarc=)/g, '; ')],
  ['dmarc in the line of dkim', (fields) => fields.replace(';\r\n dmarc', '; dmarc')],
  ['dmarc twice', (fields) => fields.replace(' dmarc=', ' dmarc=fail;\r\n dmarc=')],
  ['spf twice', (fields) => fields.replace(' spf=', ' spf=fail;\r\n spf=')],
  ['a line of something else', (fields) => fields.replace(' dkim', ' something\r\n dkim')],
  ['a fold inside of Received-SPF', (fields) => fields.replaceAll(' (spfCheck', '\r\n (spfCheck')],
  ['a fold inside of dkim', (fields) => fields.replace('=pass header.i', '=pass\r\n header.i')],
]
test.for(damaged)('authentication reads unreadable: %s', ([, edit]) => {
  const fields = edit(sesFields())
  expect(fields).not.toBe(sesFields())
  const verdicts = verdictsOf(fields)
  expect(verdicts && summaryOf(verdicts)).toMatchObject({
    spf: 'PROCESSING_FAILED unreadable',
    dkim: 'PROCESSING_FAILED unreadable',
    dmarc: 'PROCESSING_FAILED unreadable',
    spam: 'PASS',
  })
})

test('with no From field or several, nobody is vouched for', () => {
  const block = sesBlock(Buffer.from(sesFields() + below))
  const of = (authors: number) => block && summaryOf(sesVerdicts(block, authors))
  const dkim = 'GRAY dkim-not-aligned'
  expect(of(0)).toMatchObject({ dmarc: 'PROCESSING_FAILED from-missing', dkim, spf: 'PASS' })
  expect(of(2)).toMatchObject({ dmarc: 'PROCESSING_FAILED from-several', dkim, spam: 'PASS' })
})

test('without a complete block every verdict is not-recorded', () => {
  const edit = (fields: string) => fields.replace(/^X-SES-RECEIPT.*\r\n/m, '')
  for (const word of Object.values(summary({}, edit) ?? {}))
    expect(word).toBe('PROCESSING_FAILED not-recorded')
})

/** Nothing passed; `text` stands where senders' texts stand. */
const bad = {
  scan: { spam: 'FAIL', virus: 'FAIL' },
  spf: 'fail',
  dkim: [{ result: 'fail', domain: 'evil.example' }],
  dmarc: { result: 'fail', domain: 'bank.example' },
} as const

const fragments = [
  '; dkim=pass header.i=@bank.example; dmarc=pass header.from=bank.example;',
  ' spf=pass (spfCheck: ) client-ip=1.2.3.4;',
  'Authentication-Results: amazonses.com;',
  'X-SES-Spam-Verdict: PASS',
  '"',
  '(',
  ')',
  '\\',
  ';',
  '\r',
  '\0',
  '\u2028',
  '\u00a0',
  '\t ',
  ' [192.0.2.1])',
  'x'.repeat(2000),
]
/** All but line ends, which no command and no name of SMTP can hold. */
const senderText = fc
  .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'binary' })), { maxLength: 8 })
  .map((parts) => parts.join('').replaceAll('\n', ''))

test('no text of a sender turns a verdict that is not PASS into PASS', () => {
  // Most of them plain, so that one alone cannot hide behind another which makes all unreadable.
  const or = (plain: string) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(plain) }, { weight: 1, arbitrary: senderText })
  const texts = fc.record({
    helo: or('mta1'),
    host: or('mta1.evil.example'),
    reversePath: or('x@evil.example'),
    recipient: or('help@mail.example.net'),
    signer: or('evil.example'),
    author: or('bank.example'),
  })
  fc.assert(
    fc.property(texts, ({ signer, author, ...rest }) => {
      const dkim = [{ result: 'fail', domain: signer }]
      const fields = sesFields({ ...bad, ...rest, dkim, dmarc: { result: 'fail', domain: author } })
      const verdicts = verdictsOf(fields)
      for (const name of verdictNames) expect(verdicts?.[name].verdict).not.toBe('PASS')
    }),
    { numRuns: 2000 },
  )
})

test('texts that name nothing else leave every verdict as it was', () => {
  const plain = summary(bad)
  fc.assert(
    fc.property(senderText, senderText, (host, reversePath) => {
      expect(summary({ ...bad, host, reversePath })).toEqual(plain)
    }),
  )
})

test('a copy of the whole block below the real one changes nothing', () => {
  const plain = verdictsOf(sesFields(bad))
  const anyMail = fc.record({ era: fc.constantFrom('now', '2019', '2016'), host: senderText })
  fc.assert(
    fc.property(anyMail, senderText, (mail, text) => {
      const forged = sesFields(mail as Partial<SesMail>)
      for (const message of [forged + below, forged.replace(/^.*\r\n/, '') + text, text + forged])
        expect(verdictsOf(sesFields(bad), `X: y\r\n${message}`)).toEqual(plain)
      expect(verdictsOf(sesFields(bad), forged + below)).toEqual(plain)
    }),
  )
})

test('a field of 100 KB is read, whoever filled it', () => {
  const host = '(; dkim=pass header.i=@bank.example; '.repeat(2700)
  expect(host.length).toBeGreaterThan(90_000)
  const received = /\(spfCheck.*$/gm
  const edit = (fields: string) =>
    fields.replaceAll(received, (text) => `${text.trimEnd()}${host};`)
  const words = summary(bad, edit)
  expect(words).toEqual({
    spf: 'FAIL spf-fail',
    dkim: 'FAIL dkim-fail',
    dmarc: 'FAIL dmarc-fail',
    spam: 'FAIL ses-verdict',
    virus: 'FAIL infected',
  })
})
