/**
 * A real S3 for tests: one Ceph RADOS gateway of its own on free ports of loopback, started and
 * stopped by ceph-rgw.sh. Nothing here looks at a gateway that somebody else runs.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import { s3Client } from '../../src/store/s3.ts'

/** How to reach a gateway: what a test gets with `inject('ceph')`. */
export type CephConnection = {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type RunningCeph = CephConnection & { readonly stop: () => Promise<void> }

const run = promisify(execFile)
const script = join(import.meta.dirname, 'ceph-rgw.sh')

/** Starts a gateway; throws with the daemons' last words, or with the packages to install. */
export async function startCeph(): Promise<RunningCeph> {
  const dir = await mkdtemp(join(tmpdir(), 'postern-ceph-'))
  const [s3, mon1, mon2] = await freePorts(3)
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const stop = async () => {
    await run(script, ['stop', dir], { env })
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await run(script, ['start', dir, `${s3}`, `${mon1}`, `${mon2}`], { env })
  } catch (cause) {
    await stop()
    const packages = 'ceph-mon ceph-osd ceph-common radosgw'
    throw new Error(
      `Ceph did not start; on Debian it needs: apt-get install --no-install-recommends ${packages}`,
      { cause },
    )
  }
  return {
    endpoint: `http://127.0.0.1:${s3}`,
    accessKeyId: 'postern-test',
    secretAccessKey: 'postern-test',
    stop,
  }
}

/** A client as the server makes it; path style, as a gateway without wildcard DNS needs. */
export function cephClient(connection: CephConnection): S3Client {
  return s3Client({ ...connection, forcePathStyle: true })
}

/** Makes a bucket nobody else uses and answers its name. */
export async function newBucket(client: S3Client, name = 'postern'): Promise<string> {
  const bucket = `${name}-${crypto.randomUUID().slice(0, 8)}`
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return bucket
}

/** Ports nobody listens on now; all are held until the last is known, so they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address === 'object' && address !== null) ports.push(address.port)
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  return ports
}
