/** "Did you mean": the known word closest to a misspelt one. Pure. */

/**
 * The candidate that differs in case only or by at most two typing mistakes, or the only one that begins
 * with the word (`Drop`); else undefined.
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  // A hint for people: nobody mistypes a word of that length, and the distance costs its square.
  if (word.length > 40) return undefined
  const lower = word.toLowerCase()
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(lower, candidate.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance)
  const best = ranked[0]
  if (best === undefined) return undefined
  if (best.distance <= Math.min(2, Math.floor(word.length / 3))) return best.candidate
  const longer = candidates.filter((each) => each.toLowerCase().startsWith(lower))
  return word.length > 1 && longer.length === 1 ? longer[0] : undefined
}

/** Levenshtein's: insertions, deletions and replacements. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (const [at, left] of [...one].entries()) {
    const next = [at + 1]
    for (const [column, right] of [...other].entries()) {
      const replaced = (row[column] ?? 0) + (left === right ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
