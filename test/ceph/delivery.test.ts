/**
 * The whole Postern with its store in a real S3, Ceph's RADOS gateway. Between the two is a forwarder,
 * which is the network: it can be down, and it can stand still in the middle of an upload.
 */
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Mailbox, openMailbox, readKey, s3Store } from '../../src/client/index.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import { type Forwarder, forwarder } from '../support/forwarder.ts'
import { freePort, messageOf } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const ceph = inject('ceph')
const client = cephClient(ceph)
const MiB = 1024 * 1024
/** The largest message of the default configuration. */
const LARGE = 40 * MiB

let bucket: string
let network: Forwarder
let postern: RunningPostern
let mailbox: Mailbox

beforeAll(async () => {
  bucket = await newBucket(client)
  const port = await freePort()
  network = forwarder(port, new URL(ceph.endpoint))
  const { accessKeyId, secretAccessKey } = ceph
  const endpoint = `http://127.0.0.1:${port}`
  const store = { type: 's3', endpoint, forcePathStyle: true, accessKeyId, secretAccessKey }
  const action = { S3Action: { BucketName: bucket, ObjectKeyPrefix: 'mail' } }
  const rule = { Name: 'all', Enabled: true, ScanEnabled: true, Actions: [action] }
  postern = await startPostern({
    config: { store },
    rules: { Metadata: { Name: 'default' }, Rules: [rule] },
  })
  mailbox = openMailbox({
    store: s3Store({ client, bucket }),
    keys: [await readKey(`${postern.dataDir}/keys/main.key`)],
  })
})

afterAll(async () => {
  await stopAll()
  await network.close()
  client.destroy()
})

/** Sends a message and resolves with its id. */
async function send(message: Uint8Array): Promise<string> {
  const smtp = await SmtpClient.connect(postern)
  await smtp.hello()
  await smtp.envelope('sender@example.test', 'you@example.test')
  const { code, text } = await smtp.message(message)
  expect(code).toBe(250)
  await smtp.quit()
  return text.slice('OK '.length)
}

async function keysOf(id: string): Promise<string[]> {
  const items = await Array.fromAsync(mailbox.list())
  return items.filter((item) => item.id === id).map(({ key }) => key)
}

/** By the client library and by the command, which share no more than that library. */
async function expectExact(id: string, message: Uint8Array): Promise<void> {
  expect(await keysOf(id)).toEqual([`mail/${id}`])
  const { original, receipt } = await mailbox.get(`mail/${id}`)
  expect(Buffer.compare(message, original)).toBe(0)
  expect(receipt).toMatchObject({ id, rule: 'all', size: message.length })
  const { code, bytes } = await postern.cli('mail', 'get', id, '--prefix', 'mail/', '--original')
  expect(code).toBe(0)
  expect(Buffer.compare(message, bytes)).toBe(0)
}

test('mail is kept while the endpoint can not be reached, and stored when it can', async () => {
  const message = messageOf(1000, 1)
  const id = await send(message)
  const failed = await postern.logged(({ msg }) => msg.startsWith('Action failed'))
  expect(failed).toMatchObject({ level: 'warn', id, reason: expect.stringContaining(bucket) })
  expect(postern.spooled()).toEqual([id])
  await network.open()
  await postern.delivered()
  await expectExact(id, message)
})

test('an object has the content type and the metadata of the design, and no address', async () => {
  const message = messageOf(1000, 2)
  const id = await send(message)
  await postern.delivered()
  const { prependedBytes, receipt } = await mailbox.get(`mail/${id}`)
  const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: `mail/${id}` }))
  expect(head.ContentType).toBe('application/octet-stream')
  expect(head.Metadata).toEqual({
    'postern-id': id,
    'postern-time': receipt.time,
    'postern-rule-set': 'default',
    'postern-rule': 'all',
    'postern-spf': receipt.verdicts.spf.verdict,
    'postern-dkim': receipt.verdicts.dkim.verdict,
    'postern-dmarc': receipt.verdicts.dmarc.verdict,
    'postern-spam': 'DISABLED',
    'postern-virus': 'DISABLED',
    'postern-size': '1000',
    'postern-prepended': String(prependedBytes.length),
  })
})

test('a message of 40 MB is stored in parts and read back byte for byte', async () => {
  const message = messageOf(LARGE, 3)
  const id = await send(message)
  await postern.delivered()
  await expectExact(id, message)
}, 60_000)

test('a worker killed in the middle of an upload of 40 MB leaves one object, and it is exact', async () => {
  const message = messageOf(LARGE, 4)
  network.holdAfter(20 * MiB)
  const id = await send(message)
  await until(() => network.isHeld())
  const [worker = 0] = postern.pids()['worker'] ?? []
  process.kill(worker, 'SIGKILL')
  expect(await keysOf(id)).toEqual([])
  expect(postern.spooled()).toEqual([id])
  network.release()
  // The dead worker's lock on its job has to run out first (src/delivery/worker.ts).
  await postern.delivered()
  await expectExact(id, message)
}, 90_000)
