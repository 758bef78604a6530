/**
 * `npm run torture -- store`: a whole Postern on a small disk before a real S3 server, Ceph's gateway, and
 * between the two a network that has every bad day there is, in an order of the seed's.
 */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { openMailbox, readKey, s3Store } from '../src/client/index.ts'
import { cephClient, newBucket, startCeph } from '../test/support/ceph.ts'
import { freePort } from '../test/support/port.ts'
import { startPostern, stopAll } from '../test/support/postern.ts'
import { seeded } from '../test/support/seeded.ts'
import { canMount, type SmallDisk, smallDisk } from '../test/support/small-disk.ts'
import { type Fault, type StoreFaults, storeFaults } from '../test/support/store-faults.ts'
import type { Part } from './part.ts'
import { audit, inTime, report, startTraffic } from './traffic.ts'

const MiB = 1024 * 1024
const weatherSeconds = 3
/** What comes once and again; `none` twice, so that something is delivered meanwhile. */
const faults: readonly Fault[] = [
  ...([
    'none',
    'none',
    'slow-down',
    'gateway',
    'cut-request',
    'lost-answer',
    'cut-answer',
  ] as const),
  ...(['hang', 'drip', 'failed-200', 'skewed'] as const),
]

export const store: Part = async ({ seconds, seed }) => {
  const random = seeded(seed)
  const ceph = await startCeph()
  const disk = canMount() ? smallDisk(64, 5000) : undefined
  const network = storeFaults(await freePort(), new URL(ceph.endpoint))
  const client = cephClient(ceph)
  try {
    await network.open()
    const bucket = await newBucket(client, 'torture')
    const postern = await start(network, ceph, bucket, disk)
    const sessions = { sessions: 4, random, largest: 12 * MiB }
    const traffic = startTraffic(() => postern, sessions)
    const outages = await badWeather(network, seconds, random)
    await traffic.stop()
    await inTime(300, () => postern.spooled().length === 0)
    const keys = [await readKey(join(postern.dataDir, 'keys/main.key'))]
    const mailbox = openMailbox({ store: s3Store({ client, bucket }), keys })
    const { none = 0, ...played } = network.played()
    const counts = Object.entries(played).map(([fault, count]) => `${fault} ${count}`)
    return report('store', {
      ...(await audit(mailbox, traffic)),
      faults: `faults: ${counts.join(', ')}, outages ${outages}; requests in peace ${none}`,
      traffic,
      dead: postern.dead().length,
      left: postern.spooled().length,
    })
  } finally {
    await stopAll()
    client.destroy()
    await network.close()
    disk?.remove()
    await ceph.stop()
  }
}

type Server = { readonly accessKeyId: string; readonly secretAccessKey: string }

async function start(
  network: StoreFaults,
  { accessKeyId, secretAccessKey }: Server,
  bucket: string,
  disk: SmallDisk | undefined,
) {
  const endpoint = `http://127.0.0.1:${network.port}`
  return startPostern({
    config: {
      ...(disk && { spool: { minFreeBytes: 16 * MiB, minFreeInodes: 100 } }),
      // A failure that is taken for the last one is a dead letter, and counts.
      delivery: { retrySeconds: 86_400, firstRetryMs: 50, maxRetryMs: 1000, sweepSeconds: 1 },
      store: { type: 's3', endpoint, forcePathStyle: true, accessKeyId, secretAccessKey },
      log: { level: 'error', format: 'json' },
    },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [{ Name: 'all', Enabled: true, Actions: [{ S3Action: { BucketName: bucket } }] }],
    },
    prepare: (directory) => void (disk && symlinkSync(disk.path, join(directory, 'data'))),
  })
}

/** Always one fault, any for each request, or nobody there at all. How often there was nobody. */
async function badWeather(
  network: StoreFaults,
  seconds: number,
  random: () => number,
): Promise<number> {
  const any = (): Fault => faults[Math.floor(random() * faults.length)] ?? 'none'
  const end = performance.now() + seconds * 1000
  let outages = 0
  while (performance.now() < end) {
    const kind = random()
    if (kind < 0.4) network.play(any())
    else network.play(any)
    const isOutage = kind > 0.85
    if (isOutage) await network.close()
    await new Promise((resolve) => setTimeout(resolve, weatherSeconds * 1000))
    outages += isOutage ? 1 : 0
    if (isOutage) await network.open()
    network.drop()
  }
  network.play('none')
  network.drop()
  return outages
}
