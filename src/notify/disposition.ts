/** What a function answers. Pure. SES: reference §1.6 */

/** STOP_RULE ends the rule, STOP_RULE_SET the rule set, for the recipients of the rule. */
export type Disposition = 'CONTINUE' | 'STOP_RULE' | 'STOP_RULE_SET'

/** SES: null, missing or unknown means CONTINUE; letter case as AWS's own sample has it, any. */
export function dispositionOf(answer: Buffer, who: string): Disposition {
  const text = answer.toString('utf8').trim()
  if (text === '') return 'CONTINUE'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // A proxy's error page is no decision.
    throw new Error(`${who}: the answer is not JSON`)
  }
  const word = (value as { disposition?: unknown } | null)?.disposition
  const upper = typeof word === 'string' ? word.toUpperCase() : ''
  return upper === 'STOP_RULE' || upper === 'STOP_RULE_SET' ? upper : 'CONTINUE'
}
