/** Verdicts that a person gives instead of making them: for `postern explain` and the tests of rules. Pure. */
import type { DmarcPolicy, Verdict, VerdictName, Verdicts } from '../mail/verdict.ts'

export type GivenVerdicts = { readonly [Name in VerdictName]?: Verdict } & {
  /** Needs `dmarc`. */
  readonly dmarcPolicy?: DmarcPolicy
  /** Needs `spam`. */
  readonly spamScore?: number
}

/** Those given, the others absent: conditions over them stay undecided. */
export function verdictsFrom(given: GivenVerdicts): Partial<Verdicts> {
  const { spf, dkim, dmarc, spam, virus, dmarcPolicy, spamScore } = given
  const policy = dmarcPolicy === undefined ? {} : { policy: dmarcPolicy }
  const score = spamScore === undefined ? {} : { score: spamScore }
  return {
    ...(spf === undefined ? {} : { spf: { verdict: spf } }),
    ...(dkim === undefined ? {} : { dkim: { verdict: dkim } }),
    ...(dmarc === undefined ? {} : { dmarc: { verdict: dmarc, ...policy } }),
    ...(spam === undefined ? {} : { spam: { verdict: spam, ...score } }),
    ...(virus === undefined ? {} : { virus: { verdict: virus } }),
    ...(dmarc === 'FAIL' && dmarcPolicy !== undefined ? { dmarcPolicy } : {}),
  }
}

/** What stands for nothing without the verdict it belongs to: the name of that, or `undefined`. */
export function verdictLacking(given: GivenVerdicts): 'dmarc' | 'spam' | undefined {
  if (given.dmarcPolicy !== undefined && given.dmarc === undefined) return 'dmarc'
  return given.spamScore !== undefined && given.spam === undefined ? 'spam' : undefined
}
