/**
 * Asking verdicts the right question. There are five words, not two: GRAY, PROCESSING_FAILED and
 * DISABLED are neither good nor bad, so "not PASS" is not FAIL and "not FAIL" is not PASS. Pure.
 */
import type { Judgement, Verdict } from '../mail/verdict.ts'

/** Whether the check was made and the message is good. What needs proof asks this. */
export function passed(verdict: Verdict | Judgement): boolean {
  return wordOf(verdict) === 'PASS'
}

/** Whether the check was made and the message is bad. What throws mail away asks this. */
export function failed(verdict: Verdict | Judgement): boolean {
  return wordOf(verdict) === 'FAIL'
}

function wordOf(verdict: Verdict | Judgement): Verdict {
  return typeof verdict === 'string' ? verdict : verdict.verdict
}
