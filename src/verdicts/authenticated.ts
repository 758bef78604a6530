/** From what mailauth found to the verdicts of DKIM and DMARC. Pure. SES: reference §5.2 */
import { dkimVerdict } from '../mail/dkim-verdict.ts'
import type {
  Authentication,
  DkimJudgement,
  DkimResult,
  DkimSignature,
  DmarcJudgement,
  DmarcPolicy,
} from '../mail/verdict.ts'
import { bounded, mailauthEngine } from './mailauth-text.ts'

/** One entry of mailauth's `dkim.results`. */
export type MailauthSignature = {
  readonly signingDomain?: string
  readonly selector?: string
  readonly algo?: string
  readonly modulusLength?: number
  readonly canonBodyLengthLimited?: boolean
  readonly canonBodyLength?: number
  readonly canonBodyLengthTotal?: number
  readonly status: {
    readonly result: DkimResult
    readonly comment?: string
    readonly aligned?: string | false
    readonly underSized?: number
    readonly header?: { readonly i?: string | false }
    readonly policy?: { readonly 'dkim-rules'?: string }
  }
}

/** `author`: the From domain, if there is exactly one; without it nothing is aligned. */
export function judgeDkim(
  results: readonly MailauthSignature[],
  { author, unverified }: { readonly author: string | undefined; readonly unverified: number },
): DkimJudgement {
  const signatures = results
    .filter(({ signingDomain }) => signingDomain !== undefined)
    .map((each) => signatureOf(each, author !== undefined))
  const { verdict, reason } = dkimVerdict(signatures)
  return {
    verdict,
    ...(reason === undefined ? {} : { reason }),
    engine: mailauthEngine,
    signatures,
    ...(unverified > 0 ? { unverified } : {}),
  }
}

function signatureOf(found: MailauthSignature, alignable: boolean): DkimSignature {
  const { status, algo, modulusLength, canonBodyLengthLimited } = found
  const comment = status.comment ?? status.policy?.['dkim-rules']
  return {
    result: status.result,
    domain: bounded(found.signingDomain ?? ''),
    selector: bounded(found.selector ?? ''),
    ...(status.header?.i ? { identity: bounded(status.header.i) } : {}),
    ...(algo === undefined ? {} : { algorithm: bounded(algo) }),
    ...(modulusLength === undefined ? {} : { keyBits: modulusLength }),
    aligned: alignable && typeof status.aligned === 'string',
    ...(comment === undefined ? {} : { comment: bounded(comment) }),
    ...(canonBodyLengthLimited
      ? {
          bodyLength: {
            signed: found.canonBodyLength ?? 0,
            total: found.canonBodyLengthTotal ?? 0,
          },
        }
      : {}),
  }
}

/** mailauth's `dmarc`. */
export type MailauthDmarc = {
  readonly status: { readonly result: string; readonly header?: { readonly from?: string } }
  readonly policyDomain?: string
  readonly policy?: DmarcPolicy
  readonly alignment?: {
    readonly spf?: { readonly result?: string | false }
    readonly dkim?: { readonly result?: string | false; readonly underSized?: number }
  }
}

/** RFC 9989 §5.3.1: without exactly one author domain DMARC can't be evaluated, which proves nothing good. */
const skipReasons: Readonly<Record<string, string>> = {
  'no-author-domain': 'from-missing',
  'multiple-from-fields': 'from-several',
  'multiple-author-domains': 'from-several',
  'invalid-author-domain': 'from-invalid',
}

/** `arcSealer`: whose word replaces a failure, where the operator trusts its seals (arc.ts). */
export function judgeDmarc(
  found: MailauthDmarc | false,
  skipped: string | undefined,
  arcSealer: string | undefined,
): Pick<Authentication, 'dmarc' | 'dmarcPolicy'> {
  const engine = mailauthEngine
  if (found === false) {
    const reason = skipReasons[skipped ?? ''] ?? 'from-missing'
    return { dmarc: { verdict: 'PROCESSING_FAILED', reason, engine } }
  }
  const result = dmarcResult(found.status.result)
  const { spf, dkim } = found.alignment ?? {}
  const about: DmarcJudgement = {
    verdict: 'GRAY',
    engine,
    result,
    ...(found.status.header?.from ? { domain: bounded(found.status.header.from) } : {}),
    ...(found.policyDomain ? { policyDomain: bounded(found.policyDomain) } : {}),
    ...(found.policy ? { policy: found.policy } : {}),
    alignment: {
      ...(spf?.result ? { spf: bounded(spf.result) } : {}),
      ...(dkim?.result ? { dkim: bounded(dkim.result) } : {}),
    },
  }
  switch (result) {
    case 'pass':
      // All that was proved is the beginning of the body: see isPartial.
      return !spf?.result && (dkim?.underSized ?? 0) > 0
        ? { dmarc: { ...about, reason: 'dkim-partial-body' } }
        : { dmarc: { ...about, verdict: 'PASS' } }
    case 'fail':
      if (arcSealer !== undefined) {
        const override = { arcSealer, result } as const
        return { dmarc: { ...about, verdict: 'PASS', reason: 'arc-trusted-sealer', override } }
      }
      return {
        dmarc: { ...about, verdict: 'FAIL', reason: 'dmarc-fail' },
        ...(found.policy ? { dmarcPolicy: found.policy } : {}),
      }
    case 'none':
      return { dmarc: { ...about, reason: 'dmarc-none' } }
    default:
      return { dmarc: { ...about, verdict: 'PROCESSING_FAILED', reason: `dmarc-${result}` } }
  }
}

function dmarcResult(word: string): NonNullable<DmarcJudgement['result']> {
  if (word === 'pass' || word === 'fail' || word === 'none' || word === 'temperror') return word
  return 'permerror'
}
