/** What is wrong with one option, and how options are called in messages. Pure. */

export type Key = string | number

export type Problem = {
  readonly path: readonly Key[]
  /** A clause that follows the option's name: "must be …". */
  readonly reason: string
  /** Whether to point at the name or at what it was given. */
  readonly at: 'key' | 'value'
  /** Line and column, where they are not those of the option. */
  readonly place?: readonly [number, number]
}

/** `smtp.listen[0]`, `resources.keys["arn:…"]`. */
export function formatKey(path: readonly Key[]): string {
  const parts = path.map((each) => {
    if (typeof each === 'number') return `[${each}]`
    return /^[A-Za-z0-9_-]+$/.test(each) ? `.${each}` : `[${JSON.stringify(each)}]`
  })
  return parts.join('').replace(/^\./, '')
}

/** The one of `known` that `given` most likely meant: another case, or a slip or two of the fingers. */
export function closest(given: string, known: readonly string[]): string | undefined {
  const near = known
    .map((each) => ({ each, distance: editDistance(given.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = near[0]
  // A third of the letters, but never all of a short word.
  const allowed = Math.max(1, Math.min(3, Math.floor(given.length / 3)))
  return best !== undefined && best.distance <= allowed ? best.each : undefined
}

/**
 * Optimal string alignment: letters replaced, added, left out, or swapped with their neighbour. Long
 * names are cut: a name is not a text to compare.
 */
function editDistance(a: string, b: string): number {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)]
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, index) => index)]
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? Math.max(i, j)
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1]
      const best = Math.min(
        cell(i - 1, j) + 1,
        cell(i, j - 1) + 1,
        cell(i - 1, j - 1) + (same ? 0 : 1),
      )
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      row.push(swapped ? Math.min(best, cell(i - 2, j - 2) + 1) : best)
    }
  }
  return cell(from.length, to.length)
}
