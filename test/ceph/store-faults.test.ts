/**
 * D§2.3 on bad days: whatever lies between Postern and a real S3 server, a put that was answered is one whole
 * object, one that was not leaves none or the same, and is transient; every wait has an end.
 */
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { describeError, isTransient } from '../../src/errors.ts'
import { s3Client, s3ObjectStore } from '../../src/store/s3.ts'
import * as of from '../conformance/content.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import { freePort } from '../support/load.ts'
import { type Fault, type StoreFaults, storeFaults } from '../support/store-faults.ts'

const ceph = inject('ceph')
const direct = cephClient(ceph)
const MiB = 1024 * 1024

let network: StoreFaults
let bucket: string
let client: ReturnType<typeof s3Client>
/** The same, that waits for nobody: only what hangs needs it. */
let hasty: typeof client

beforeAll(async () => {
  const port = await freePort()
  network = storeFaults(port, new URL(ceph.endpoint))
  await network.open()
  bucket = await newBucket(direct)
  const settings = { ...ceph, endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true }
  client = s3Client(settings)
  hasty = s3Client(settings, { connectMs: 10_000, idleMs: 400, requestMs: 1500 })
})
afterAll(async () => {
  client.destroy()
  hasty.destroy()
  direct.destroy()
  await network.close()
})

const put = (key: string, size: number, through = client) =>
  s3ObjectStore({ client: through, bucket }).put(
    key,
    of.content(size),
    of.described(size, { 'postern-id': key }),
  )

const faults = [
  // the fault, why, whether the object is there all the same, what the reason says
  ['slow-down', 'the server is overloaded', false, /SlowDown/],
  ['gateway', 'HTML is no word of S3', false, /./],
  ['cut-request', 'half an object is none', false, /./],
  ['lost-answer', 'done and not told: the next put finds its own', true, /./],
  ['cut-answer', 'the same', true, /./],
  ['hang', 'nobody waits for ever', false, /400 ms of inactivity/],
  ['drip', 'nor for one octet after the other', false, /timeout/],
  ['failed-200', 'a 200 is not always one', false, /InternalError/],
  ['skewed', 'what a person can mend is said', false, /set this machine's clock/],
] as const satisfies readonly (readonly [Fault, string, boolean, RegExp])[]

test.for(faults)(
  '%s is transient, and the next put leaves one whole object: %s',
  async ([fault, , there, said]) => {
    network.play(fault)
    const through = fault === 'hang' || fault === 'drip' ? hasty : client
    const error = await put(fault, 3000, through).catch((each: unknown) => each)
    // A put that is repeated after a lost answer finds what it did: that is an answer.
    if (error !== 'existed') {
      expect(describeError(error)).toMatch(said)
      expect(isTransient(error)).toBe(true)
    }
    network.play('none')
    const again = await put(fault, 3000)
    expect(again).toBe(there ? 'existed' : 'stored')
    const opened = await s3ObjectStore({ client: direct, bucket }).get(fault)
    expect(await of.bytesOf(opened)).toEqual(Buffer.concat(await of.all(of.content(3000))))
  },
)

test('an upload in parts goes through each of them at each of its requests', async () => {
  const size = 8 * MiB + 1000
  for (const fault of ['cut-request', 'lost-answer', 'failed-200'] as const) {
    const key = `parts-${fault}`
    // Begin, two parts, join: each fails at its first try, and the SDK tries it again.
    const seen = new Set<string>()
    network.play(({ method, url = '' }) => {
      const what = `${method} ${/uploads|partNumber=\d+|uploadId/.exec(url)?.[0]}`
      if (method === 'HEAD' || method === 'DELETE' || seen.has(what)) return 'none'
      seen.add(what)
      return fault
    })
    for (let tries = 0; tries < 3; tries += 1) {
      const outcome = await put(key, size).catch((error: unknown) => error)
      if (outcome === 'stored' || outcome === 'existed') break
      expect(isTransient(outcome)).toBe(true)
    }
    const opened = await s3ObjectStore({ client: direct, bucket }).get(key)
    expect(await of.digestOf(opened?.body ?? of.chunks())).toBe(await of.digestOf(of.content(size)))
  }
  network.play('none')
  const list = await of.all(s3ObjectStore({ client: direct, bucket }).list({ prefix: 'parts-' }))
  expect(list).toHaveLength(3)
  // What was begun and never told of is all that may be left: a lifecycle rule removes it.
  const left = await direct.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
  expect((left.Uploads ?? []).map(({ Key }) => Key)).toEqual(['parts-lost-answer'])
})

test('a clock that is hours off is corrected by what a real server says of it', async () => {
  const wrong = cephClient(ceph)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5 * 3_600_000 })
  try {
    expect(await put('clock', 10, wrong)).toBe('stored')
  } finally {
    vi.useRealTimers()
    wrong.destroy()
  }
})
