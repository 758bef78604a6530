/**
 * What the checks say of a message: a verdict in SES's words, the reason, and what the standard or the
 * engine said. Pure types; stored with the message, so fields are added and never changed.
 * SES: reference §5.2. What each verdict means and how it comes about: docs/verdicts.md.
 */

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
  /** What judged and its version, `rspamd@3.4`. */
  readonly engine?: string
}

/** RFC 8601 §2.7.2, RFC 7208 §2.6. */
export type SpfResult =
  | 'pass'
  | 'fail'
  | 'softfail'
  | 'neutral'
  | 'none'
  | 'temperror'
  | 'permerror'

export type SpfJudgement = Judgement & {
  readonly result?: SpfResult
  /** Which identity the result is of: HELO's where the reverse-path is null (RFC 7208 §2.4). */
  readonly identity?: 'mailfrom' | 'helo'
  /** The domain whose policy was asked. */
  readonly domain?: string
  /** What the engine adds for people; third-party text in it. */
  readonly comment?: string
  /** The HELO identity, checked beside MAIL FROM (RFC 7208 §2.3); it does not make the verdict. */
  readonly helo?: { readonly domain: string; readonly result: SpfResult }
}

/** RFC 8601 §2.7.1. */
export type DkimResult = 'pass' | 'fail' | 'none' | 'policy' | 'neutral' | 'temperror' | 'permerror'

/** One DKIM-Signature field. Texts come from the message or DNS: shown escaped, never trusted. */
export type DkimSignature = {
  readonly result: DkimResult
  readonly domain: string
  readonly selector: string
  /** AUID, `@domain` when there is none. */
  readonly identity?: string
  readonly algorithm?: string
  readonly keyBits?: number
  /** Whether `domain` is aligned with the From domain (RFC 9989 §4.4). */
  readonly aligned: boolean
  /** What the engine adds: `bad signature`, `no key`. */
  readonly comment?: string
  /** `l=`: octets of the canonical body that are signed, and how many there are (RFC 6376 §8.2). */
  readonly bodyLength?: { readonly signed: number; readonly total: number }
}

export type DkimJudgement = Judgement & {
  readonly signatures?: readonly DkimSignature[]
  /** DKIM-Signature fields beyond authentication.maxSignatures, which were not looked at. */
  readonly unverified?: number
}

export type DmarcPolicy = 'none' | 'quarantine' | 'reject'

export type DmarcJudgement = Judgement & {
  readonly result?: 'pass' | 'fail' | 'none' | 'temperror' | 'permerror'
  /** The From domain. */
  readonly domain?: string
  /** Where the record was found: the domain itself or one above it (RFC 9989 §4.10). */
  readonly policyDomain?: string
  /** What the record asks for this domain: p, sp or np, whichever applies. */
  readonly policy?: DmarcPolicy
  /** The authenticated domains that are aligned with the From domain. */
  readonly alignment?: { readonly spf?: string; readonly dkim?: string }
  /** Set when a trusted ARC sealer's word replaced a failure: which sealer, and what it replaced. */
  readonly override?: { readonly arcSealer: string; readonly result: 'fail' }
}

/** The ARC chain (RFC 8617). It is reported; it changes nothing unless authentication.trustedSealers says so. */
export type ArcReport = {
  readonly result: 'none' | 'pass' | 'fail' | 'temperror'
  /** Number of ARC sets. */
  readonly sets?: number
  /** d= of the ARC-Seals, oldest first. */
  readonly sealers?: readonly string[]
  readonly comment?: string
}

export type SpamJudgement = Judgement & {
  readonly score?: number
  /** rspamd's own proposal: `no action`, `add header`, `reject`… */
  readonly action?: string
  readonly symbols?: readonly { readonly name: string; readonly score: number }[]
}

export type VirusJudgement = Judgement & {
  /** The name of what was found. */
  readonly signature?: string
}

export type Verdicts = {
  readonly spf: SpfJudgement
  readonly dkim: DkimJudgement
  readonly dmarc: DmarcJudgement
  readonly spam: SpamJudgement
  readonly virus: VirusJudgement
  /** The From domain's published policy; present only when dmarc is FAIL. */
  readonly dmarcPolicy?: DmarcPolicy
  readonly arc?: ArcReport
}

/** What authentication yields, all of it at once. */
export type Authentication = Pick<Verdicts, 'spf' | 'dkim' | 'dmarc' | 'dmarcPolicy' | 'arc'>

/** Every check off, with the reason they share. */
export function allDisabled(reason: string): Verdicts {
  const off: Judgement = { verdict: 'DISABLED', reason }
  return { spf: off, dkim: off, dmarc: off, spam: off, virus: off }
}

/** One line for logs: `{ spf: 'PASS', dkim: 'GRAY dkim-none', … }`; no text from the message. */
export function summaryOf(verdicts: Verdicts): Record<VerdictName, string> {
  const words = (name: VerdictName): string => {
    const { verdict, reason } = verdicts[name]
    return reason === undefined ? verdict : `${verdict} ${reason}`
  }
  return {
    spf: words('spf'),
    dkim: words('dkim'),
    dmarc: words('dmarc'),
    spam: words('spam'),
    virus: words('virus'),
  }
}
