/**
 * `npm run torture -- crash`: kill -9 of every process, and of all at once, at random moments under load, until
 * the time is over. `--only worker` kills that alone.
 */
import { crashRound, victims } from '../test/support/crash.ts'
import { stopAll } from '../test/support/postern.ts'
import { seeded } from '../test/support/seeded.ts'
import { figures } from './figures.ts'
import type { Part } from './part.ts'

const MiB = 1024 * 1024
const sizes = { maxBytes: 20 * MiB, totalBytes: 150 * MiB }

export const crash: Part = async ({ seconds, seed, only }) => {
  const of = Object.keys(victims).filter((name) => only === undefined || name.includes(only))
  if (of.length === 0) throw new Error(`there is no victim ${only}`)
  const random = seeded(seed)
  const count = figures('crash')
  const end = performance.now() + seconds * 1000
  try {
    do {
      const round = await crashRound({ random, kills: 40, until: end, of, ...sizes })
      for (const [name, kills] of round.kills) count.fault(`kill -9 of ${name}`, kills)
      count.add(round.sent, round.tally)
      count.tell()
    } while (performance.now() < end)
  } finally {
    await stopAll()
  }
  return count.wrong()
}
