/** From what was found to the verdicts of DKIM and DMARC. Pure. SES: reference §5.2 */
import type { Dmarc } from 'mailauth/lib/dmarc/verify.js'
import { dkimVerdict } from '../mail/dkim-verdict.ts'
import type {
  Authentication,
  DkimJudgement,
  DkimSignature,
  DmarcJudgement,
} from '../mail/verdict.ts'
import type { VerifiedSignature } from './dkim/verify.ts'
import { bounded, mailauthEngine, posternEngine } from './reported.ts'

/** `aligned`: with the one From domain; without such a one nothing is. */
export type AlignedSignature = VerifiedSignature & { readonly aligned: boolean }

export function judgeDkim(found: readonly AlignedSignature[], unverified: number): DkimJudgement {
  const signatures = found.map(signatureOf)
  const { verdict, reason } = dkimVerdict(signatures)
  return {
    verdict,
    ...(reason === undefined ? {} : { reason }),
    engine: posternEngine,
    signatures,
    ...(unverified > 0 ? { unverified } : {}),
  }
}

function signatureOf(found: AlignedSignature): DkimSignature {
  const { result, domain, selector, identity, algorithm, keyBits, aligned, comment, body } = found
  return {
    result,
    domain: bounded(domain),
    selector: bounded(selector),
    ...(identity === '' ? {} : { identity: bounded(identity) }),
    ...(algorithm === undefined ? {} : { algorithm: bounded(algorithm) }),
    ...(keyBits === undefined ? {} : { keyBits }),
    aligned,
    ...(comment === undefined ? {} : { comment: bounded(comment) }),
    ...(body === undefined ? {} : { bodyLength: body }),
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
  found: Dmarc | false,
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
