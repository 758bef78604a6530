/** What the measurements share: time, processor time, medians and tables. */

export type Cost = {
  /** Milliseconds on the clock; other programs on the machine make it longer. */
  readonly wall: number
  /** Milliseconds of processor, of all threads, the garbage collector's with them. */
  readonly cpu: number
}

/** What `work` costs, its result thrown away. */
export function costOf(work: () => unknown): Cost {
  const cpu = process.cpuUsage()
  const began = performance.now()
  work()
  const wall = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return { wall, cpu: (user + system) / 1000 }
}

/** The median of several, wall and processor each. */
export function medianCost(times: number, work: () => unknown): Cost {
  const costs = Array.from({ length: times }, () => costOf(work))
  return {
    wall: quantile(
      costs.map(({ wall }) => wall),
      0.5,
    ),
    cpu: quantile(
      costs.map(({ cpu }) => cpu),
      0.5,
    ),
  }
}

/** Of an even number, what lies between the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.slice(
    Math.floor((sorted.length - 1) / 2),
    Math.floor(sorted.length / 2) + 1,
  )
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

/** The value that a share of all does not exceed; 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** A heading and columns as wide as their widest cell, the first to the left, numbers to the right. */
export function printFigures(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const lines = [head, ...rows].map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
  process.stdout.write(`\n${title}\n\n${lines.map((line) => `  ${line}\n`).join('')}`)
}
