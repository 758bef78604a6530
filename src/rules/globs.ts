/**
 * Patterns with a `*`, indexed: by domain, then by what stands before the first `*` and behind the
 * last one. A look-up tries each pair of lengths that some pattern has, some dozens at most, however many
 * patterns there are. Pure.
 */
import { domainsCovering } from './pattern.ts'

export type GlobIndex<Value> = {
  /** What was given with the patterns that take a canonical address; with its label, or without. */
  readonly find: (canonical: string) => Value[]
}

type Glob<Value> = {
  /** The pieces between the outer two, in order. */
  readonly inner: readonly string[]
  readonly exact: boolean
  /** Whether the pattern names a label itself; else any label will do (SES). */
  readonly labelled: boolean
  readonly value: Value
}

type Bucket<Value> = {
  readonly prefixLengths: Set<number>
  readonly suffixLengths: Set<number>
  /** Prefix and suffix, joined by a `*`. */
  readonly byEnds: Map<string, Glob<Value>[]>
}

/** Indexes canonical patterns (pattern.ts). */
export function globIndex<Value>(
  patterns: readonly (readonly [string, Value])[],
): GlobIndex<Value> {
  const buckets = new Map<string, Bucket<Value>>()
  for (const [pattern, value] of patterns) {
    const at = pattern.lastIndexOf('@')
    const domain = pattern.slice(at + 1)
    const bucket: Bucket<Value> = buckets.get(domain) ?? {
      prefixLengths: new Set(),
      suffixLengths: new Set(),
      byEnds: new Map(),
    }
    buckets.set(domain, bucket)
    const local = pattern.slice(0, at)
    const [prefix = '', ...others] = local.split('*')
    const suffix = others.pop() ?? ''
    const exact = !local.includes('*')
    bucket.prefixLengths.add(prefix.length)
    bucket.suffixLengths.add(suffix.length)
    const ends = `${prefix}*${suffix}`
    const globs = bucket.byEnds.get(ends) ?? []
    bucket.byEnds.set(ends, globs)
    globs.push({ inner: others, exact, labelled: local.includes('+'), value })
  }
  return {
    find(canonical) {
      if (buckets.size === 0) return []
      const at = canonical.lastIndexOf('@')
      const local = canonical.slice(0, at)
      const plus = local.indexOf('+')
      const base = plus < 0 ? undefined : local.slice(0, plus)
      const found = new Set<Value>()
      for (const domain of domainsCovering(canonical.slice(at + 1))) {
        const bucket = buckets.get(domain)
        if (bucket === undefined) continue
        search(bucket, local, false, found)
        if (base !== undefined) search(bucket, base, true, found)
      }
      return [...found]
    },
  }
}

function search<Value>(
  { prefixLengths, suffixLengths, byEnds }: Bucket<Value>,
  local: string,
  isBase: boolean,
  found: Set<Value>,
): void {
  for (const before of prefixLengths) {
    if (before > local.length) continue
    const prefix = local.slice(0, before)
    for (const behind of suffixLengths) {
      if (before + behind > local.length) continue
      const middle = local.slice(before, local.length - behind)
      const suffix = local.slice(local.length - behind)
      for (const { inner, exact, labelled, value } of byEnds.get(`${prefix}*${suffix}`) ?? []) {
        if (isBase && labelled) continue
        if (exact ? middle === '' : holds(middle, inner)) found.add(value)
      }
    }
  }
}

/** Whether the pieces stand in the text one behind the other: taking each as early as possible is right. */
function holds(text: string, pieces: readonly string[]): boolean {
  let from = 0
  for (const piece of pieces) {
    const at = text.indexOf(piece, from)
    if (at < 0) return false
    from = at + piece.length
  }
  return true
}
