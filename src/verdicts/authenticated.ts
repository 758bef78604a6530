/** From what was found to the verdicts of DKIM and DMARC. Pure. SES: reference §5.2 */
import { dkimVerdict } from '../mail/dkim-verdict.ts'
import type {
  Authentication,
  DkimJudgement,
  DkimSignature,
  DmarcJudgement,
} from '../mail/verdict.ts'
import type { VerifiedSignature } from './dkim/verify.ts'
import type { Dmarc } from './dmarc/evaluate.ts'
import { bounded, posternEngine } from './reported.ts'

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

/** `arcSealer`: whose word replaces a failure, where the operator trusts its seals (arc.ts). */
export function judgeDmarc(
  found: Dmarc,
  arcSealer: string | undefined,
): Pick<Authentication, 'dmarc' | 'dmarcPolicy'> {
  const engine = posternEngine
  // RFC 9989 §5.3.1: whose policy counts nobody can say, which proves nothing good.
  if (found.result === 'skipped')
    return { dmarc: { verdict: 'PROCESSING_FAILED', reason: found.reason, engine } }
  const { result, domain, policyDomain, policy } = found
  const { spf, dkim } = found.alignment ?? {}
  const about: DmarcJudgement = {
    verdict: 'GRAY',
    engine,
    result,
    domain: bounded(domain),
    ...(policyDomain === undefined ? {} : { policyDomain: bounded(policyDomain) }),
    ...(policy === undefined ? {} : { policy }),
    alignment: {
      ...(spf === undefined ? {} : { spf: bounded(spf) }),
      ...(dkim === undefined ? {} : { dkim: bounded(dkim) }),
    },
  }
  switch (result) {
    case 'pass':
      // All that was proved is the beginning of the body: see isPartial.
      return found.partial
        ? { dmarc: { ...about, reason: 'dkim-partial-body' } }
        : { dmarc: { ...about, verdict: 'PASS' } }
    case 'fail':
      if (arcSealer !== undefined) {
        const override = { arcSealer, result } as const
        return { dmarc: { ...about, verdict: 'PASS', reason: 'arc-trusted-sealer', override } }
      }
      return {
        dmarc: { ...about, verdict: 'FAIL', reason: 'dmarc-fail' },
        dmarcPolicy: found.policy,
      }
    case 'none':
      return { dmarc: { ...about, reason: 'dmarc-none' } }
    case 'temperror':
      return { dmarc: { ...about, verdict: 'PROCESSING_FAILED', reason: 'dmarc-temperror' } }
  }
}
