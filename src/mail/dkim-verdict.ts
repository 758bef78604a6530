/** From the signatures of a message to the one verdict of DKIM. Pure. SES: reference §5.2 */
import type { DkimSignature, Judgement } from './verdict.ts'

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

/** Verdict and reason. */
export function dkimVerdict(signatures: readonly DkimSignature[]): Judgement {
  const row = dkimTable.find(([fits]) => signatures.some(fits))
  return row?.[1] ?? { verdict: 'GRAY', reason: 'dkim-none' }
}
