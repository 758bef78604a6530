/** To whom no bounce message goes: RFC 3834 §2, RFC 5321 §4.5.5, and whoever did not send the message. */
import { expect, test } from 'vitest'
import { reasonNotToAnswer } from '../../../src/mail/auto-reply.ts'
import type { Receipt } from '../../../src/mail/receipt.ts'
import { allDisabled, type Verdict, type VerdictName } from '../../../src/mail/verdict.ts'
import { restOfRecord } from '../../support/record.ts'

const { envelope } = restOfRecord()

function receiptWith(
  reversePath: string,
  verdicts: Readonly<Partial<Record<VerdictName, Verdict>>> = {},
): Receipt {
  const told = Object.entries(verdicts).map(([name, verdict]) => [name, { verdict }])
  return {
    version: 1,
    id: 'i'.repeat(40),
    time: '2026-03-02T09:15:27.000Z',
    envelope: { ...envelope, reversePath },
    ruleSet: 'default',
    rule: 'bounces',
    recipients: ['ann@example.test'],
    verdicts: { ...allDisabled('test'), ...Object.fromEntries(told) },
    size: 100,
    sha256: '',
  }
}

const reversePaths = [
  // reverse-path, reason, why
  ['ann@b.test', undefined, 'a person'],
  ['no-reply@b.test', undefined, 'who has its mail read by nobody may still count its bounces'],
  ['announce@b.test', undefined, 'only the whole word is a word'],
  ['bounces+12-ann=example.test@b.test', undefined, 'a sender of one message for each recipient'],
  ['', 'null-reverse-path', 'RFC 5321 §4.5.5: a bounce is never answered'],
  ['postmaster', 'reverse-path-without-domain', 'it would be our own'],
  ['MAILER-DAEMON@b.test', 'reverse-path-of-a-machine', 'RFC 3834 §2'],
  ['"mailer-daemon"@b.test', undefined, 'quoted it is not what servers write'],
  ['owner-news@b.test', 'reverse-path-of-a-machine', 'RFC 3834 §2'],
  ['News-Owner@b.test', 'reverse-path-of-a-machine', 'Sympa'],
  ['news-request@b.test', 'reverse-path-of-a-machine', 'RFC 3834 §2'],
  ['news-bounces@b.test', 'reverse-path-of-a-machine', 'Mailman'],
  ['news-bounces+ann=example.test@b.test', 'reverse-path-of-a-machine', 'Mailman, VERP'],
  ['news-return-12-ann=example.test@b.test', 'reverse-path-of-a-machine', 'ezmlm, VERP'],
  ['listserv@b.test', 'reverse-path-of-a-machine', 'LISTSERV'],
] as const

test.for(reversePaths)('a reverse-path <%s> gives %s: %s', ([reversePath, reason]) => {
  expect(reasonNotToAnswer(receiptWith(reversePath), Buffer.alloc(0))).toBe(reason)
})

const fields = [
  // header section, reason, why
  ['Subject: Auto-Submitted: yes', undefined, 'only the field itself counts'],
  ['Auto-Submitted: no', undefined, 'RFC 3834 §5: a person wrote it'],
  ['Auto-Submitted: No (a person); x=y', undefined, 'with a comment and a parameter'],
  ['Auto-Submitted: auto-replied', 'auto-submitted', 'RFC 3834 §2'],
  ['AUTO-SUBMITTED : auto-generated', 'auto-submitted', 'RFC 5322 §4.5.8: an obsolete spelling'],
  ['Auto-Submitted: no-idea', 'auto-submitted', 'another word than no'],
  ['Precedence: bulk', 'precedence', 'older than the standards'],
  ['Precedence: list', 'precedence', 'the same'],
  ['Precedence: JUNK', 'precedence', 'the same'],
  ['Precedence: first-class', undefined, 'a person’s'],
  ['List-Id: <news.b.test>', 'a-list', 'RFC 2919'],
  ['List-Unsubscribe:\r\n <https://b.test>', 'a-list', 'RFC 2369, folded'],
  ['List-Price: 12', undefined, 'no field of a list'],
  ['Content-Type: multipart/report; report-type=delivery-status', 'a-report', 'RFC 3464: a DSN'],
  ['Content-Type: Multipart/Report', 'a-report', 'RFC 2045 §5.1: any case'],
  ['Content-Type: message/global-delivery-status', 'a-report', 'RFC 6533'],
  ['Content-Type: message/disposition-notification', 'a-report', 'RFC 8098'],
  ['Content-Type: message/feedback-report', 'a-report', 'RFC 5965'],
  ['Content-Type: multipart/reports', undefined, 'another type'],
  ['Content-Type: text/plain; name="multipart/report"', undefined, 'a parameter only'],
  ['X-Auto-Response-Suppress: OOF, NDR', 'response-suppressed', 'Exchange asks for no bounce'],
  ['X-Auto-Response-Suppress: All', 'response-suppressed', 'nor for anything'],
  ['X-Auto-Response-Suppress: DR, OOF', undefined, 'it asks for less'],
] as const

test.for(fields)('a message with %j gives %s: %s', ([field, reason]) => {
  const header = Buffer.from(`From: a@b.test\r\n${field}\r\nSubject: x\r\n\r\nList-Id: <body>\r\n`)
  expect(reasonNotToAnswer(receiptWith('ann@b.test'), header)).toBe(reason)
})

const verdicts = [
  // verdicts, reason, why
  [{ spf: 'FAIL' }, 'sender-forged-spf', 'the domain says that it did not send it'],
  [{ spf: 'FAIL', dmarc: 'PASS' }, 'sender-forged-spf', 'DKIM is not about the reverse-path'],
  [{ spf: 'GRAY', dmarc: 'FAIL' }, 'sender-forged-dmarc', 'nobody vouches for either address'],
  [{ spf: 'PASS', dmarc: 'FAIL' }, undefined, 'who is answered did send it, whatever From says'],
  [{ spf: 'GRAY', virus: 'FAIL' }, 'sender-doubtful-virus', 'viruses name whom they find'],
  [{ spf: 'GRAY', spam: 'FAIL' }, 'sender-doubtful-spam', 'so does spam'],
  [{ spf: 'PASS', spam: 'FAIL' }, undefined, 'it goes back to whoever sent it'],
  [{ spf: 'GRAY', dmarc: 'GRAY', spam: 'GRAY' }, undefined, 'nothing says that it is forged'],
  [{ spf: 'PROCESSING_FAILED', dmarc: 'PROCESSING_FAILED' }, undefined, 'nor does a failed check'],
] as const

test.for(verdicts)('verdicts %j give %s: %s', ([given, reason]) => {
  expect(reasonNotToAnswer(receiptWith('ann@b.test', given), Buffer.alloc(0))).toBe(reason)
})
