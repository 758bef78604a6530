/** The algebra of verdicts: doubt is neither a pass nor a failure (pitfalls P73). */
import { expect, test } from 'vitest'
import { MailboxError } from '../../../src/client/errors.ts'
import {
  doubts,
  failed,
  isAuthenticated,
  isDangerous,
  isTrustworthy,
  passed,
} from '../../../src/client/index.ts'
import { requireReceipt } from '../../../src/client/receipt.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import type { Verdict, Verdicts } from '../../../src/mail/verdict.ts'

const words: readonly Verdict[] = ['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED']

function receiptOf(changes: Partial<Record<string, Verdict>>, dmarcPolicy?: 'reject' | 'none') {
  const of = (name: string) => ({ verdict: changes[name] ?? 'PASS' }) as const
  const verdicts: Verdicts = {
    spf: of('spf'),
    dkim: of('dkim'),
    dmarc: of('dmarc'),
    spam: of('spam'),
    virus: of('virus'),
    ...(dmarcPolicy && { dmarcPolicy }),
  }
  return { verdicts }
}

test.for(words)('%s passes only as PASS and fails only as FAIL', (word) => {
  expect([passed(word), failed(word)]).toEqual([word === 'PASS', word === 'FAIL'])
  expect([passed({ verdict: word }), failed({ verdict: word })]).toEqual([
    word === 'PASS',
    word === 'FAIL',
  ])
})

const every = words.flatMap((dmarc) => words.map((dkim) => [dmarc, dkim] as const))
test.for(every)('dmarc %s, dkim %s', ([dmarc, dkim]) => {
  const expected = dmarc === 'PASS' || (dmarc === 'GRAY' && dkim === 'PASS')
  expect(isAuthenticated(receiptOf({ dmarc, dkim }))).toBe(expected)
})

const content = words.flatMap((virus) => words.map((spam) => [virus, spam] as const))
test.for(content)('virus %s, spam %s, authenticated', ([virus, spam]) => {
  const receipt = receiptOf({ virus, spam })
  expect(isTrustworthy(receipt)).toBe(virus === 'PASS' && (spam === 'PASS' || spam === 'DISABLED'))
  expect(isDangerous(receipt)).toBe(virus === 'FAIL')
  expect(isTrustworthy(receiptOf({ virus, spam, dmarc: 'FAIL' }))).toBe(false)
})

test('what the From domain forbids is dangerous, what it merely did not prove is not', () => {
  expect(isDangerous(receiptOf({ dmarc: 'FAIL' }, 'reject'))).toBe(true)
  expect(isDangerous(receiptOf({ dmarc: 'FAIL' }, 'none'))).toBe(false)
  expect(isDangerous(receiptOf({ dmarc: 'PROCESSING_FAILED' }, 'reject'))).toBe(false)
  const ordinary = receiptOf({ dkim: 'GRAY', dmarc: 'GRAY' })
  expect([isTrustworthy(ordinary), isDangerous(ordinary)]).toEqual([false, false])
})

test('nothing is ever both', () => {
  for (const dmarc of words)
    for (const virus of words)
      for (const spam of words) {
        const receipt = receiptOf({ dmarc, virus, spam }, 'reject')
        expect(isTrustworthy(receipt) && isDangerous(receipt)).toBe(false)
      }
})

test('doubts name what is not PASS, and why', () => {
  const { verdicts } = receiptOf({ spam: 'DISABLED' })
  const dkim = { verdict: 'GRAY', reason: 'dkim-none' } as const
  expect(doubts({ verdicts: { ...verdicts, dkim } })).toEqual(['dkim: dkim-none', 'spam: DISABLED'])
})

const pass = { verdict: 'PASS' }
const detailed = {
  spf: { ...pass, result: 'pass', helo: { domain: 'h.test', result: 'none' } },
  dkim: {
    ...pass,
    signatures: [{ result: 'pass', domain: 'd.test', selector: 's', aligned: true }],
  },
  dmarc: { ...pass, result: 'pass', alignment: { spf: 'd.test' } },
  spam: { ...pass, score: 1.5, symbols: [{ name: 'S', score: 1 }] },
  virus: pass,
  arc: { result: 'pass', sealers: ['l.test'] },
}
const sealed = (verdicts: object) => ({
  version: 1,
  id: newMessageId(Date.now()),
  time: '2026-03-02T09:15:27.000Z',
  envelope: {
    remoteIp: '192.0.2.1',
    helo: 'h',
    reversePath: '',
    recipients: [],
    protocol: 'ESMTP',
  },
  ruleSet: 'default',
  rule: 'all',
  recipients: [],
  size: 0,
  sha256: '0'.repeat(64),
  verdicts,
})

test('a receipt may hold what the checks add, in parts, and what a later version adds', () => {
  expect(requireReceipt(sealed(detailed)).verdicts.dkim.signatures).toHaveLength(1)
  expect(requireReceipt(sealed({ ...detailed, spf: pass, arc: undefined })).verdicts.spf).toEqual(
    pass,
  )
  expect(requireReceipt(sealed({ ...detailed, bimi: 7 }))).toBeDefined()
})

const wrong = [
  { ...detailed, spf: { ...pass, result: 7 } },
  { ...detailed, spf: { ...pass, helo: 'h' } },
  { ...detailed, dkim: { ...pass, signatures: 7 } },
  { ...detailed, dkim: { ...pass, signatures: [{ domain: 1 }] } },
  { ...detailed, dmarc: { ...pass, alignment: 'x' } },
  { ...detailed, spam: { ...pass, score: 'high' } },
  { ...detailed, spam: { ...pass, symbols: [null] } },
  { ...detailed, arc: 'pass' },
]
test.for(wrong)('a receipt with %j is none', (verdicts) => {
  expect(() => requireReceipt(sealed(verdicts))).toThrow(MailboxError)
})
