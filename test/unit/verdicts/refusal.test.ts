/** What verdicts refuse: only what the operator wrote. */
import { expect, test } from 'vitest'
import type { Judgement, Verdict, Verdicts } from '../../../src/mail/verdict.ts'
import { type RefusalOptions, refusalOf } from '../../../src/verdicts/refusal.ts'

const of = (verdict: Verdict, reason?: string): Judgement => ({
  verdict,
  ...(reason && { reason }),
})
const good: Verdicts = {
  spf: of('PASS'),
  dkim: of('PASS'),
  dmarc: of('PASS'),
  spam: of('PASS'),
  virus: of('PASS'),
}
const accept = { authentication: 'accept', virus: 'accept', spam: 'accept' } as const
const every: RefusalOptions['refuse'] = ['virus', 'spam', 'dmarc-reject', 'spf-fail']
const rejecting = { dmarc: of('FAIL'), dmarcPolicy: 'reject' } as const

const cases = [
  // what is not PASS, smtp.refuse, cause, why
  [{ virus: of('FAIL'), spam: of('FAIL'), ...rejecting }, [], undefined, 'as SES'],
  [{}, every, undefined, 'nothing is wrong'],
  [{ virus: of('FAIL') }, every, 'virus', 'as written'],
  [{ virus: of('FAIL') }, ['spam'], undefined, 'only what was written'],
  [{ virus: of('GRAY') }, every, undefined, 'doubt refuses nothing'],
  [{ spam: of('GRAY') }, every, undefined, 'doubt refuses nothing'],
  [{ virus: of('PROCESSING_FAILED', 'timeout') }, every, undefined, 'that is onFailure'],
  [{ virus: of('DISABLED'), spam: of('DISABLED') }, every, undefined, 'nobody looked'],
  [{ spam: of('FAIL') }, every, 'spam', 'as written'],
  [rejecting, every, 'dmarc-reject', 'as written'],
  [{ dmarc: of('FAIL'), dmarcPolicy: 'quarantine' }, every, undefined, 'the policy is not reject'],
  [{ dmarc: of('FAIL'), dmarcPolicy: 'none' }, every, undefined, 'the policy asks for nothing'],
  [{ spf: of('FAIL') }, every, 'spf-fail', 'as written'],
  [{ spf: of('GRAY', 'spf-softfail') }, every, undefined, 'softfail is not fail'],
  [{ virus: of('FAIL'), spf: of('FAIL') }, every, 'virus', 'one reply for one message'],
] as const

test.for(cases)('%j under %j is %s: %s', ([changes, refuse, cause]) => {
  expect(refusalOf({ ...good, ...changes }, { refuse, onFailure: accept })).toBe(cause)
})

const failed = [
  // what failed, whose onFailure, is it asked
  [{ virus: of('PROCESSING_FAILED', 'clamd-unavailable') }, 'virus', true],
  [{ spam: of('PROCESSING_FAILED', 'timeout') }, 'spam', true],
  [{ spf: of('PROCESSING_FAILED', 'spf-temperror') }, 'authentication', true],
  [{ dkim: of('PROCESSING_FAILED', 'timeout') }, 'authentication', true],
  [{ spf: of('PROCESSING_FAILED', 'spf-permerror') }, 'authentication', false],
  [{ dmarc: of('PROCESSING_FAILED', 'from-missing') }, 'authentication', false],
  [{ virus: of('GRAY', 'ambiguous-mime') }, 'virus', false],
] as const

test.for(failed)('%j asks %s.onFailure: %s', ([changes, engine, asked]) => {
  const verdicts = { ...good, ...changes }
  const under = (choice: 'defer' | 'refuse') =>
    refusalOf(verdicts, { refuse: [], onFailure: { ...accept, [engine]: choice } })
  expect(under('defer')).toBe(asked ? 'unchecked-now' : undefined)
  expect(under('refuse')).toBe(asked ? 'unchecked' : undefined)
  expect(refusalOf(verdicts, { refuse: [], onFailure: accept })).toBeUndefined()
})

test('what is known to be bad is told before what is not known', () => {
  const verdicts = { ...good, virus: of('FAIL'), spam: of('PROCESSING_FAILED', 'timeout') }
  const onFailure = { ...accept, spam: 'defer' } as const
  expect(refusalOf(verdicts, { refuse: ['virus'], onFailure })).toBe('virus')
  expect(refusalOf(verdicts, { refuse: [], onFailure })).toBe('unchecked-now')
})
