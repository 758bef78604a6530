/** D§2.1 and D§2.3 under kill -9: what was told 250 is one object, byte for byte, whoever is killed. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  expectKept,
  freePort,
  messageOf,
  reconfigure,
  type Sent,
  sendAll,
} from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { seeded } from '../support/seeded.ts'
import { SmtpClient } from '../support/smtp-client.ts'

// Several starts each; and a worker that died is missed after 25 s only.
vi.setConfig({ testTimeout: 120_000 })

const KiB = 1024

function incoming(postern: RunningPostern): string[] {
  return readdirSync(join(postern.dataDir, 'spool/incoming'))
}

describe('the whole tree is killed', () => {
  afterEach(stopAll)

  test('mail of every size survives a kill of the whole tree while the store is away, once each', async () => {
    // An S3 endpoint that is down: nobody listens on its port.
    const inbox = {
      type: 's3',
      bucket: 'inbox',
      endpoint: `http://127.0.0.1:${await freePort()}`,
      accessKeyId: 'test',
      secretAccessKey: 'test',
    }
    const postern = await startPostern({ config: { resources: { buckets: { inbox } } } })
    const sizes = [0, 2, 40, 1 * KiB, 64 * KiB, 128 * KiB, 128 * KiB + 1, 1024 * KiB, 5120 * KiB]
    const messages = sizes.map(messageOf)
    const sent = await sendAll(() => postern, messages)
    expect(sent.kept.size).toBe(sizes.length)

    // Some have failed and wait for another attempt, some may be in work: all of it is cut off.
    await postern.logged(({ msg }) => msg.startsWith('Action failed'))
    const halfway = await SmtpClient.connect(postern)
    await halfway.hello()
    await halfway.envelope('', 'you@example.test')
    halfway.write(messageOf(1024 * KiB, 99))
    await until(() => incoming(postern).length > 0)
    await postern.killAll()
    expect(postern.spooled()).toEqual([...sent.kept.keys()].sort())

    reconfigure(postern, (config) => ({ ...config, resources: {} }))
    const again = await startPostern({ again: postern })
    await again.delivered()
    await expectKept(again, sent)
    expect(incoming(again)).toEqual([])
  })

  test('three kills of the whole tree under load lose nothing and store nothing twice', async () => {
    const random = seeded(20_260_302)
    let postern = await startPostern()
    let restart: Promise<void> | undefined
    const kills = [20, 60, 100]
    const messages = Array.from({ length: 140 }, (_, index) =>
      messageOf(Math.floor(random() * 200 * KiB), index),
    )
    const sent = await sendAll(() => postern, messages, {
      tell: (count) => {
        if (kills.includes(count)) restart = killAndStart()
      },
    })
    await restart
    await postern.delivered()
    await expectKept(postern, sent)

    async function killAndStart(): Promise<void> {
      await postern.killAll()
      postern = await startPostern({ again: postern })
    }
  })
})

describe('one process alone is killed under load', () => {
  const victims = [
    // role, which, why
    ['smtp', 1, 'the process that has the sessions: another takes its place, on the same port'],
    ['smtp', 0, 'the one that supervises it: its child ends with it, and both are started again'],
    ['worker', 0, 'the one that stores: what it had in work is taken up again'],
  ] as const

  let postern: RunningPostern
  beforeAll(async () => {
    const port = await freePort()
    postern = await startPostern({ config: { smtp: { listen: [`127.0.0.1:${port}`] } } })
  })
  afterAll(stopAll)
  const random = seeded(7)
  const all: Sent[] = []

  test.for(victims)('%s %i: %s', async ([role, index]) => {
    const killed: number[] = []
    const messages = Array.from({ length: 120 }, (_, number) =>
      messageOf(Math.floor(random() * 100 * KiB), 1000 * all.length + number),
    )
    const sent = await sendAll(() => postern, messages, {
      tell: (count) => {
        const pid = postern.pids()[role]?.[index]
        if (count < 40 || killed.length > 0 || pid === undefined) return
        killed.push(pid)
        process.kill(pid, 'SIGKILL')
      },
    })
    all.push(sent)
    expect(killed).toHaveLength(1)
    await postern.delivered()
    await expectKept(postern, ...all)
    expect(postern.pids()[role]).not.toContain(killed[0])
    expect(incoming(postern)).toEqual([])
  })
})
