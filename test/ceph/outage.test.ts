/**
 * An outage of a real S3 server, its hours compressed into seconds: the spool grows to its bound and no further,
 * then mail is deferred with 452; when the server is back every message is one object. Nothing is given up before
 * `delivery.retrySeconds`.
 */

import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { type Mailbox, openMailbox, readKey, s3Store } from '../../src/client/index.ts'
import { replies } from '../../src/haraka/replies.ts'
import { cephClient } from '../support/ceph.ts'
import { freePort, messageOf } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { canMount, smallDisk } from '../support/small-disk.ts'
import { SmtpClient } from '../support/smtp-client.ts'
import { type Fault, storeFaults } from '../support/store-faults.ts'

const ceph = inject('ceph')
const direct = cephClient(ceph)
const MiB = 1024 * 1024
const bucket = `outage-${crypto.randomUUID().slice(0, 8)}`
const minFreeBytes = 8 * MiB

describe.runIf(canMount())('with a spool on a small disk (needs the right to mount)', () => {
  const disk = smallDisk(32, 1000)
  afterAll(async () => {
    await stopAll()
    disk.remove()
    direct.destroy()
  })

  test('an outage fills the spool to its bound, then mail is deferred; afterwards each is one object', async () => {
    const port = await freePort()
    const network = storeFaults(port, new URL(ceph.endpoint))
    const postern = await startPostern({
      config: {
        spool: { minFreeBytes, minFreeInodes: 0 },
        delivery: { retrySeconds: 3600, firstRetryMs: 20, maxRetryMs: 400 },
        store: { type: 's3', ...ceph, endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true },
      },
      rules: {
        Metadata: { Name: 'default' },
        Rules: [{ Name: 'all', Enabled: true, Actions: [{ S3Action: { BucketName: bucket } }] }],
      },
      prepare: (directory) => symlinkSync(disk.path, join(directory, 'data')),
    })
    const kept = new Map<string, Buffer>()

    // Nobody listens. A message each until there is no room.
    const client = await SmtpClient.connect(postern)
    await client.hello()
    for (let number = 1; ; number += 1) {
      const message = messageOf(MiB, number)
      const answer = await client.command(`MAIL FROM:<> SIZE=${message.length}`)
      if (answer.code === 452) {
        expect(answer).toMatchObject(replies.diskLow.reply)
        break
      }
      await client.command('RCPT TO:<you@example.test>')
      await client.command('DATA')
      const { code, text } = await client.message(message)
      expect(code).toBe(250)
      kept.set(text.slice('OK '.length), message)
    }
    expect(kept.size).toBeGreaterThan(8)
    // What came between two looks at the disk was counted; its records take a little more.
    expect(disk.freeBytes()).toBeGreaterThan(minFreeBytes - MiB)

    // It is back, in its way: the bucket is not there, it is overloaded, it breaks off, it loses answers.
    await network.open()
    await reason(postern, 'create the bucket')
    const days = ['slow-down', 'gateway', 'cut-request', 'lost-answer', 'cut-answer'] as const
    let count = 0
    network.play(() => days[count++ % days.length] as Fault)
    await direct.send(new CreateBucketCommand({ Bucket: bucket }))
    await until(() => count > 60)
    expect(postern.dead()).toEqual([])
    network.play('none')
    await postern.delivered()

    await until(async () => (await client.command('MAIL FROM:<>')).code === 250)
    await expectOnce(await mailboxOf(postern), kept)
    expect(postern.dead()).toEqual([])
    await network.close()
  })
})

/** Waits until an attempt has failed for this reason. */
async function reason(postern: RunningPostern, text: string): Promise<void> {
  await postern.logged((record) => String(record['reason']).includes(text))
}

async function mailboxOf({ dataDir }: RunningPostern): Promise<Mailbox> {
  const keys = [await readKey(join(dataDir, 'keys/main.key'))]
  return openMailbox({ store: s3Store({ client: direct, bucket }), keys })
}

async function expectOnce(mailbox: Mailbox, kept: ReadonlyMap<string, Buffer>): Promise<void> {
  const keys = (await Array.fromAsync(mailbox.list())).map(({ key }) => key)
  expect(keys.sort()).toEqual([...kept.keys()].sort())
  for (const [id, message] of kept) {
    const { original } = await mailbox.get(id)
    expect(Buffer.compare(message, original)).toBe(0)
  }
}
