/** What the checks say of a message, in SES's words. Pure types. SES: reference §5.2 */

export const verdictNames = ['spf', 'dkim', 'dmarc', 'spam', 'virus'] as const
export type VerdictName = (typeof verdictNames)[number]

export type Verdict =
  | 'PASS' //              checked, and good
  | 'FAIL' //              checked, and bad
  | 'GRAY' //              checked, and undecided; also: nothing there to check
  | 'PROCESSING_FAILED' // the check could not be made; never to be read as PASS
  | 'DISABLED' //          the check is switched off

export type Judgement = {
  readonly verdict: Verdict
  /** Machine-readable cause, kebab-case. */
  readonly reason?: string
  /** What judged and its version, `mailauth@7.1.0`. */
  readonly engine?: string
}

export type Verdicts = { readonly [name in VerdictName]: Judgement } & {
  /** The From domain's published policy; present only when dmarc is FAIL. */
  readonly dmarcPolicy?: 'none' | 'quarantine' | 'reject'
}

/** Every check off, with the reason they share. */
export function allDisabled(reason: string): Verdicts {
  const off: Judgement = { verdict: 'DISABLED', reason }
  return { spf: off, dkim: off, dmarc: off, spam: off, virus: off }
}
