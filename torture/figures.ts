/** What the parts that send mail to a Postern in trouble count, and how they tell it. */
import type { Sent, Tally } from '../test/support/load.ts'

export type Figures = {
  readonly fault: (name: string, times?: number) => void
  readonly add: (sent: readonly Sent[], tally: Tally) => void
  /** A line of all so far. */
  readonly tell: () => void
  /** How many messages are lost, doubled, damaged or left in the spool. */
  readonly wrong: () => number
}

export function figures(part: string): Figures {
  const faults = new Map<string, number>()
  const total = { lost: 0, doubled: 0, damaged: 0, left: 0 }
  let acknowledged = 0
  let unanswered = 0
  const sum = (counts: Iterable<number>): number => [...counts].reduce((a, b) => a + b, 0)
  return {
    fault(name, times = 1) {
      faults.set(name, (faults.get(name) ?? 0) + times)
    },
    add(sent, tally) {
      for (const { kept, unanswered: missed } of sent) {
        acknowledged += kept.size
        unanswered += sum(missed.values())
      }
      for (const name of ['lost', 'doubled', 'damaged', 'left'] as const) total[name] += tally[name]
    },
    tell() {
      const each = [...faults].map(([name, times]) => `${name} ${times}`).join(', ')
      const wrong = Object.entries(total).map(([name, count]) => `${name} ${count}`)
      process.stdout.write(
        `${part}: faults ${sum(faults.values())} (${each}); messages sent ${acknowledged + unanswered}, acknowledged ${acknowledged}; ${wrong.join(', ')}\n`,
      )
    },
    wrong: () => sum(Object.values(total)),
  }
}
