/** From what mailauth found to the verdicts of DKIM and DMARC. Pure. SES: reference §5.2 */
import type {
  Authentication,
  DkimJudgement,
  DkimResult,
  DkimSignature,
  DmarcJudgement,
  DmarcPolicy,
  Judgement,
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

/** Anybody may append to a body of which only the first octets are signed (RFC 6376 §8.2, pitfalls P46). */
function isPartial({ bodyLength }: DkimSignature): boolean {
  return bodyLength !== undefined && bodyLength.signed < bodyLength.total
}

/**
 * The first line that some signature fits decides. One good signature of the From domain is enough; a
 * bad one says less than a good one, and less than one that could not be checked.
 */
const dkimTable: readonly (readonly [fits: (each: DkimSignature) => boolean, Judgement])[] = [
  [(each) => each.result === 'pass' && each.aligned && !isPartial(each), { verdict: 'PASS' }],
  [
    (each) => each.result === 'temperror' && each.aligned,
    { verdict: 'PROCESSING_FAILED', reason: 'dkim-temperror' },
  ],
  [
    (each) => each.result === 'pass' && each.aligned,
    { verdict: 'GRAY', reason: 'dkim-partial-body' },
  ],
  [(each) => each.result === 'fail' && each.aligned, { verdict: 'FAIL', reason: 'dkim-fail' }],
  // SES: a valid signature of another domain reads GRAY (reference §5.2).
  [(each) => each.result === 'pass', { verdict: 'GRAY', reason: 'dkim-not-aligned' }],
  [
    (each) => each.result === 'temperror',
    { verdict: 'PROCESSING_FAILED', reason: 'dkim-temperror' },
  ],
  [(each) => each.result === 'fail', { verdict: 'FAIL', reason: 'dkim-fail' }],
  // A key or an algorithm too weak to count (RFC 8301): as if it were not signed.
  [(each) => each.result === 'policy', { verdict: 'GRAY', reason: 'dkim-policy' }],
  // No key, an expired or malformed signature (RFC 6376 §6.1: to be treated as if it were not there).
  [() => true, { verdict: 'GRAY', reason: 'dkim-neutral' }],
]

function dkimVerdict(signatures: readonly DkimSignature[]): Judgement {
  const row = dkimTable.find(([fits]) => signatures.some(fits))
  return row?.[1] ?? { verdict: 'GRAY', reason: 'dkim-none' }
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
