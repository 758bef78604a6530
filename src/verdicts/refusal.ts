/**
 * Whether verdicts refuse a message, and why. Verdicts only inform unless the operator says otherwise
 * (D§2.5; SES: "no automatic action is taken"). Pure.
 */
import type { Judgement, Verdicts } from '../mail/verdict.ts'

/** What to do with a message that a check could not look at. */
export type OnFailure = 'accept' | 'defer' | 'refuse'

export type RefusalOptions = {
  /** `smtp.refuse`. */
  readonly refuse: readonly ('virus' | 'spam' | 'dmarc-reject' | 'spf-fail')[]
  readonly onFailure: {
    readonly authentication: OnFailure
    readonly virus: OnFailure
    readonly spam: OnFailure
  }
}

export type RefusalCause = RefusalOptions['refuse'][number] | 'unchecked' | 'unchecked-now'

/** The cause, or `undefined` to go on. What is known to be bad is told before what is not known. */
export function refusalOf(
  verdicts: Verdicts,
  { refuse, onFailure }: RefusalOptions,
): RefusalCause | undefined {
  const { virus, spam, spf, dmarc } = verdicts
  const bad = {
    virus: virus.verdict === 'FAIL',
    spam: spam.verdict === 'FAIL',
    'dmarc-reject': dmarc.verdict === 'FAIL' && verdicts.dmarcPolicy === 'reject',
    // The result of the MAIL FROM identity, or of HELO where the reverse-path is null (RFC 7208 §8.4).
    'spf-fail': spf.verdict === 'FAIL',
  }
  // In this order, so that the same message always gets the same reply.
  const cause = (['virus', 'dmarc-reject', 'spf-fail', 'spam'] as const).find(
    (each) => bad[each] && refuse.includes(each),
  )
  if (cause !== undefined) return cause
  const choices = [
    virus.verdict === 'PROCESSING_FAILED' ? onFailure.virus : 'accept',
    spam.verdict === 'PROCESSING_FAILED' ? onFailure.spam : 'accept',
    couldNotAuthenticate(verdicts) ? onFailure.authentication : 'accept',
  ]
  // A later attempt may be refused still; one that is refused has no later attempt.
  if (choices.includes('defer')) return 'unchecked-now'
  return choices.includes('refuse') ? 'unchecked' : undefined
}

/** A record that is wrong (permerror) or a From field that is missing fails at each attempt: not ours to defer. */
function couldNotAuthenticate({ spf, dkim, dmarc }: Verdicts): boolean {
  const transient = ({ verdict, reason = '' }: Judgement): boolean =>
    verdict === 'PROCESSING_FAILED' && /^(timeout|check-failed|.*temperror)$/.test(reason)
  return [spf, dkim, dmarc].some(transient)
}
