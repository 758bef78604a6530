/** Which of a record's policies is that of a domain. RFC 9989 §4.10.1 */
import type { Resolve } from '../../dns/resolver.ts'
import type { DmarcPolicy } from '../../mail/verdict.ts'
import { exists } from './questions.ts'
import type { Policies } from './record.ts'

/**
 * `inherited`: the record stands above the domain. `certain`: one of two policies applies and nobody can tell which;
 * it is the weaker then.
 */
export async function policyFor(
  domain: string,
  inherited: boolean,
  { own, existing, missing }: Policies,
  resolve: Resolve,
): Promise<{ readonly policy: DmarcPolicy; readonly certain: boolean }> {
  if (!inherited) return { policy: own, certain: true }
  if (existing === missing) return { policy: existing, certain: true }
  const there = await exists(domain, resolve)
  if (there === 'unknown') return { policy: weaker(existing, missing), certain: false }
  return { policy: there ? existing : missing, certain: true }
}

const weakestFirst: readonly DmarcPolicy[] = ['none', 'quarantine', 'reject']

function weaker(one: DmarcPolicy, other: DmarcPolicy): DmarcPolicy {
  return weakestFirst.indexOf(one) < weakestFirst.indexOf(other) ? one : other
}
