/** From the sender into the store, sealed, for as long as one likes; before and after it, what bare Haraka takes. */
import { cephClient, newBucket, startCeph } from '../test/support/ceph.ts'
import { median } from './measure.ts'
import { startHaraka } from './peers/haraka.ts'
import { startOwn } from './peers/postern.ts'
import { endLater } from './peers/server.ts'
import { rowOf } from './report.ts'
import { inTurns, type Measured } from './rounds.ts'
import type { Run } from './run.ts'
import { sustain } from './sustained.ts'

const octets = 65_536
const load = { sessions: 16, kept: false, octets }

export async function endToEnd(
  where: 'directory' | 'ceph',
  run: Run,
  allowed: number,
): Promise<void> {
  const began = performance.now()
  const most = run.quick ? 8 : where === 'directory' ? 60 : 30
  const file = await run.mail.file(octets)
  const store = where === 'ceph' ? await startStore() : undefined
  try {
    const config = store === undefined ? {} : { store: store.config }
    const [own, haraka] = await Promise.all([
      startOwn({ dns: run.dns, delivers: true, config, ...(store && { rules: store.rules }) }),
      startHaraka(),
    ])
    const bounds = { seconds: Math.max(1, run.seconds), rounds: 2, until: Number.POSITIVE_INFINITY }
    const alone = async (warmUp: number): Promise<Measured | undefined> => {
      const one = { name: 'haraka', server: haraka } as const
      return (await inTurns([one], load, file, { ...bounds, warmUp })).get('haraka')
    }
    const before = await alone(1500)
    // Haraka's second turn and the spool's end need some, too.
    const left = allowed - (performance.now() - began) / 1000 - 6
    const seconds = Math.round(Math.max(3, Math.min(most, left)))
    const found = await sustain(own, file, octets, seconds)
    const after = await alone(0)
    const rounds = [before, after].flatMap((each) => each?.rounds ?? [])
    const rate = found.rounds[0]?.rate ?? Number.NaN
    const ratio = rate / median(rounds.map((each) => each.rate))
    const words = {
      group: where === 'directory' ? 'e2e' : 'ceph',
      load: `64 KiB, 16 sessions, a new connection for each message, ${seconds} s without the spool growing`,
    }
    const place = where === 'directory' ? 'a directory' : 'Ceph'
    const itself = `Postern, all that and sealed into ${place} (spool <= ${found.spoolPeak})`
    const bare = 'Haraka, its defaults: checks and keeps nothing'
    run.rows.push(
      rowOf({ ...words, server: bare }, { rounds, memory: after?.memory ?? 0 }, ratio),
      rowOf({ ...words, server: itself }, found),
    )
    if (where === 'directory') run.ratios.e2e_vs_haraka_64k = ratio
    await Promise.all([own.stop(), haraka.stop()])
  } finally {
    await store?.stop()
  }
}

async function startStore() {
  const ceph = await startCeph()
  const stop = endLater(ceph.stop)
  const { endpoint, accessKeyId, secretAccessKey } = ceph
  const client = cephClient(ceph)
  const bucket = await newBucket(client)
  client.destroy()
  return {
    config: { type: 's3', endpoint, forcePathStyle: true, accessKeyId, secretAccessKey },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [
        {
          Name: 'all',
          Enabled: true,
          ScanEnabled: true,
          Actions: [{ S3Action: { BucketName: bucket } }],
        },
      ],
    },
    stop,
  }
}
