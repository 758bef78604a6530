/**
 * Asking verdicts the right question. There are five words, not two: GRAY, PROCESSING_FAILED and
 * DISABLED are neither good nor bad, so "not PASS" is not FAIL and "not FAIL" is not PASS. Pure.
 */
import type { Receipt } from '../mail/receipt.ts'
import { type Judgement, type Verdict, verdictNames } from '../mail/verdict.ts'

/** Whether the check was made and the message is good. What needs proof asks this. */
export function passed(verdict: Verdict | Judgement): boolean {
  return wordOf(verdict) === 'PASS'
}

/** Whether the check was made and the message is bad. What throws mail away asks this. */
export function failed(verdict: Verdict | Judgement): boolean {
  return wordOf(verdict) === 'FAIL'
}

type Judged = Pick<Receipt, 'verdicts'>

/**
 * Whether the mail is proven to come from the domain in its From field: DMARC passed, or, where that
 * domain has no DMARC policy, it signed the message itself (a PASS of dkim is always aligned).
 */
export function isAuthenticated({ verdicts: { dmarc, dkim } }: Judged): boolean {
  return passed(dmarc) || (dmarc.verdict === 'GRAY' && passed(dkim))
}

/**
 * Whether the message may be acted on by itself, without a person looking: it is authenticated, was scanned
 * and found clean, and no spam filter had a doubt. A spam filter that is switched off does not stand
 * against it; a check that failed does.
 */
export function isTrustworthy(receipt: Judged): boolean {
  const { virus, spam } = receipt.verdicts
  return isAuthenticated(receipt) && passed(virus) && (passed(spam) || spam.verdict === 'DISABLED')
}

/**
 * Whether nobody should open it: a virus was found, or the From domain forbids mail like this
 * (DMARC failed and its policy is reject). Not being trustworthy is not being dangerous: most mail is neither.
 */
export function isDangerous({ verdicts: { virus, dmarc, dmarcPolicy } }: Judged): boolean {
  return failed(virus) || (failed(dmarc) && dmarcPolicy === 'reject')
}

/** What kept each verdict from being PASS: `['dkim: dkim-none', 'virus: clamd-unavailable']`. */
export function doubts({ verdicts }: Judged): readonly string[] {
  return verdictNames.flatMap((name) => {
    const { verdict, reason = verdict } = verdicts[name]
    return verdict === 'PASS' ? [] : [`${name}: ${reason}`]
  })
}

function wordOf(verdict: Verdict | Judgement): Verdict {
  return typeof verdict === 'string' ? verdict : verdict.verdict
}
