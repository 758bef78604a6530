/**
 * `npm run torture -- disk`: a whole Postern on a disk of a few megabytes that fills up, runs out of inodes
 * and, in the second half, is mounted read only, in an order of the seed's. Needs root.
 */
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { startPostern, stopAll } from '../test/support/postern.ts'
import { startRedis, stopRedis } from '../test/support/redis.ts'
import { seeded } from '../test/support/seeded.ts'
import { canMount, type SmallDisk, smallDisk } from '../test/support/small-disk.ts'
import type { Part } from './part.ts'
import { audit, inTime, report, startTraffic } from './traffic.ts'

const MiB = 1024 * 1024
const stepMs = 1500

export const disk: Part = async ({ seconds, seed }) => {
  if (!canMount()) {
    process.stdout.write('disk: not run, this user may not mount a tmpfs\n')
    return 0
  }
  const random = seeded(seed)
  // With Redis's own file open for writing on it, it cannot be mounted read only.
  const embedded = await tortureOne(seconds / 2, random, 'embedded')
  try {
    return embedded + (await tortureOne(seconds / 2, random, (await startRedis()).place))
  } finally {
    stopRedis()
  }
}

async function tortureOne(seconds: number, random: () => number, redis: string): Promise<number> {
  const on = smallDisk(48, 1000)
  try {
    const postern = await startPostern({
      config: {
        redis,
        // So low that the disk is full in the middle of messages.
        spool: { minFreeBytes: MiB, minFreeInodes: 0 },
        log: { level: 'error', format: 'json' },
      },
      prepare: (directory) => {
        symlinkSync(on.path, join(directory, 'data'))
        mkdirSync(join(directory, 'store'))
        symlinkSync(join(directory, 'store'), join(on.path, 'store'))
      },
    })
    const traffic = startTraffic(() => postern, { sessions: 4, random, largest: 8 * MiB })
    const faults = await wear(on, seconds, random)
    await traffic.stop()
    await inTime(120, () => postern.spooled().length === 0)
    return report('disk', {
      ...(await audit(await postern.mailbox(), traffic)),
      faults: `Redis ${redis === 'embedded' ? 'on the disk' : 'elsewhere'}; faults: ${faults}`,
      traffic,
      dead: postern.dead().length,
      left: postern.spooled().length,
    })
  } finally {
    await stopAll()
    on.remove()
  }
}

async function wear(on: SmallDisk, seconds: number, random: () => number): Promise<string> {
  const counts: Record<string, number> = {}
  const faults: readonly (readonly [string, () => unknown])[] = [
    ['full', () => on.fill()],
    ['nearly full', () => on.fill(Math.floor(random() * 4 * MiB))],
    ['no inodes', () => on.takeInodes()],
    // Not while a message is being written: between two of them.
    ['read only', () => inTime(2, () => on.mount('ro'))],
  ]
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const [name, begin] = faults[Math.floor(random() * faults.length)] ?? ['', () => {}]
    if ((await begin()) !== false) counts[name] = (counts[name] ?? 0) + 1
    await new Promise((resolve) => setTimeout(resolve, stepMs * random()))
    on.mount('rw')
    on.free()
    await new Promise((resolve) => setTimeout(resolve, stepMs * random()))
  }
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
