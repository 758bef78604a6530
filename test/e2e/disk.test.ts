/**
 * A disk that fills up, runs out of inodes or is mounted read only, for real (D§2.7, pitfalls P17): mail is
 * deferred with 452 or 451, what was told 250 is kept, and all goes on by itself when there is room again.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { replies } from '../../src/haraka/replies.ts'
import { expectKept, messageOf, type Sent, sendAll } from '../support/load.ts'
import { type RunningPostern, runCli, startPostern, stopAll, until } from '../support/postern.ts'
import { startRedis, stopRedis } from '../support/redis.ts'
import { canMount, type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const MiB = 1024 * 1024
const mayMount = canMount()

describe.runIf(mayMount)('a small disk (needs the right to mount)', () => {
  let disk: SmallDisk | undefined
  afterEach(async () => {
    await stopAll()
    stopRedis()
    disk?.remove()
  })

  /** All of dataDir on the disk but the store, which is to go on. */
  async function startOn(on: SmallDisk, more: object = {}): Promise<RunningPostern> {
    disk = on
    return startPostern({
      config: { spool: { minFreeBytes: MiB, minFreeInodes: 0 }, ...more },
      prepare: (directory) => {
        symlinkSync(on.path, join(directory, 'data'))
        mkdirSync(join(directory, 'store'))
        symlinkSync(join(directory, 'store'), join(on.path, 'store'))
      },
    })
  }

  test('that is full takes nothing, keeps what it took, and goes on when there is room', async () => {
    const on = smallDisk(32, 400)
    const postern = await startOn(on)
    const before = await sendAll(() => postern, [messageOf(1000, 1), messageOf(2 * MiB, 2)])
    await postern.delivered()
    await until(() => readdirSync(join(postern.dataDir, 'spool/done')).length === 0)

    // Enough for MAIL, not for the message: ENOSPC while it arrives, or when it is committed.
    on.fill(2 * MiB)
    const client = await SmtpClient.connect(postern)
    await client.hello()
    for (const size of [6 * MiB, 3 * MiB]) {
      expect(await tryOne(client, messageOf(size, 3))).toEqual(replies.ourFault.reply)
      expect(halves(postern)).toEqual([])
    }
    on.fill()
    await until(async () => (await client.command('MAIL FROM:<>')).code === 452)
    const ready = await fetch(`${postern.http}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/^disk: /m)])

    // Messages would still be taken into the files that there are.
    for (const name of readdirSync(join(postern.dataDir, 'spool/spare')))
      rmSync(join(postern.dataDir, 'spool/spare', name))
    on.takeInodes()
    await until(async () => (await client.command('MAIL FROM:<>')).code === 250)
    await client.command('RSET')
    expect(await tryOne(client, messageOf(1000, 4))).toEqual(replies.ourFault.reply)
    expect(halves(postern)).toEqual([])

    on.free()
    await expectService(postern, before)
  })

  test('that is mounted read only defers mail, ends no process, and goes on when it can be written', async () => {
    const on = smallDisk(32, 400)
    const redis = await startRedis()
    const postern = await startOn(on, { redis: redis.place })
    const pids = postern.pids()
    const before = await sendAll(() => postern, [messageOf(1000, 1)])
    await postern.delivered()
    const client = await SmtpClient.connect(postern)
    await client.hello()
    await client.envelope('', 'you@example.test')

    await until(() => on.mount('ro'))
    expect(await client.message(messageOf(1000, 2))).toMatchObject(replies.ourFault.reply)
    await until(async () => (await client.command('MAIL FROM:<>')).code === 452)
    const ready = await fetch(`${postern.http}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/^disk: /m)])

    on.mount('rw')
    await expectService(postern, before)
    expect(postern.pids()).toEqual(pids)
  })

  test('under the spool alone is refused at the start: dead letters could never be moved there', async () => {
    disk = smallDisk(4, 100)
    const directory = mkdtempSync(join(tmpdir(), 'postern-start-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'postern.yaml')
    writeFileSync(file, 'dataDir: ./data\n')
    mkdirSync(join(directory, 'data/dead'), { recursive: true })
    symlinkSync(disk.path, join(directory, 'data/spool'))
    const { code, stderr } = await runCli('--config', file, 'serve')
    expect([code, stderr]).toEqual([78, expect.stringContaining('are on two disks')])
  })

  async function expectService(postern: RunningPostern, before: Sent): Promise<void> {
    await until(async () => (await fetch(`${postern.http}/readyz`)).status === 200)
    const client = await SmtpClient.connect(postern)
    await client.hello()
    await until(async () => (await client.command('MAIL FROM:<>')).code === 250)
    await client.quit()
    const after = await sendAll(() => postern, [messageOf(1000, 8), messageOf(2 * MiB, 9)])
    await postern.delivered()
    await expectKept(postern, before, after)
    expect(halves(postern)).toEqual([])
    expect(readdirSync(join(postern.dataDir, 'spool/corrupt'))).toEqual([])
  }
})

/** The reply to the message; fails where an earlier command is refused. */
async function tryOne(client: SmtpClient, message: Buffer) {
  expect((await client.envelope('', 'you@example.test')).code).toBe(354)
  const { code, text } = await client.message(message)
  return { code, text }
}

function halves({ dataDir }: RunningPostern): string[] {
  return readdirSync(join(dataDir, 'spool/incoming'))
}
