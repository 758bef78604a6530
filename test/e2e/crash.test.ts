/** D§2.1 under random kills of everything at once; `npm run torture -- crash` does the same for as long as one likes. */
import { afterEach, expect, test, vi } from 'vitest'
import { crashRound, victims } from '../support/crash.ts'
import { nothingWrong } from '../support/load.ts'
import { stopAll } from '../support/postern.ts'
import { seeded } from '../support/seeded.ts'

vi.setConfig({ testTimeout: 240_000 })
afterEach(stopAll)

const MiB = 1024 * 1024

// Of the whole tree durability.test.ts has enough: a start of all of it takes the longest.
test('kills of any one process under mail of 1 KiB to 8 MiB lose, double and damage nothing', async () => {
  const { kills, sent, tally } = await crashRound({
    random: seeded(20_261_125),
    kills: 10,
    of: Object.keys(victims).filter((name) => !['whole tree', 'serve alone'].includes(name)),
    maxBytes: 8 * MiB,
    totalBytes: 20 * MiB,
  })
  console.info(
    `${sent.reduce((sum, { kept }) => sum + kept.size, 0)} messages, killed: ${[...kills].join(' ')}`,
  )
  expect(tally).toEqual(nothingWrong)
})
