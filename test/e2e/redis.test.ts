/** D§2.2: Redis may be lost. Mail is accepted without it, and delivered when it is back. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { expectKept, freePort, messageOf, type Sent, sendAll } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { redisCli, startRedis, stopRedis } from '../support/redis.ts'

// Whole servers are started and stopped in each, on a machine that others use.
vi.setConfig({ testTimeout: 120_000 })

const messages = (count: number, first = 0): Buffer[] =>
  Array.from({ length: count }, (_, index) => messageOf(2000 + index, first + index))

const socketOf = ({ dataDir }: RunningPostern): string => join(dataDir, 'redis/redis.sock')

const redisPid = (postern: RunningPostern): number => postern.pids()['redis']?.[0] ?? 0

describe('an embedded Redis', () => {
  let postern: RunningPostern
  beforeAll(async () => {
    postern = await startPostern()
  })
  afterAll(stopAll)
  /** What the tests before have sent. */
  const all: Sent[] = []

  test('FLUSHALL under load, ten times, loses nothing and stores nothing twice', async () => {
    const flushes: Promise<string>[] = []
    const sent = await sendAll(() => postern, messages(300), {
      sessions: 8,
      tell: (count) => {
        if (count % 30 === 0) flushes.push(redisCli(socketOf(postern), 'FLUSHALL'))
      },
    })
    expect(new Set(await Promise.all(flushes))).toEqual(new Set(['OK']))
    expect(flushes).toHaveLength(10)
    await postern.delivered()
    await expectKept(postern, ...all, sent)
    all.push(sent)
  })

  test('that hangs keeps no mail out, and delivery goes on when it goes on', async () => {
    const before = await sendAll(() => postern, messages(5))
    await postern.delivered()
    const pid = redisPid(postern)
    process.kill(pid, 'SIGSTOP')
    const during = await sendAll(() => postern, messages(20, 100))
    expect(postern.spooled()).toHaveLength(20)
    process.kill(pid, 'SIGCONT')
    const after = await sendAll(() => postern, messages(5, 200))
    await postern.delivered()
    await expectKept(postern, ...all, before, during, after)
    all.push(before, during, after)
  })

  test('that is killed is started again, and mail sent meanwhile is delivered', async () => {
    const sent = [await sendAll(() => postern, messages(5))]
    for (const round of [1, 2]) {
      const pid = redisPid(postern)
      process.kill(pid, 'SIGKILL')
      sent.push(await sendAll(() => postern, messages(20, 100 * round)))
      await until(() => ![0, pid].includes(redisPid(postern)))
      sent.push(await sendAll(() => postern, messages(5, 100 * round + 50)))
      await postern.delivered()
      await expectKept(postern, ...all, ...sent)
    }
  })
})

test('nothing of a message but its id is in Redis or in the files it writes', async ({
  onTestFinished,
}) => {
  onTestFinished(stopAll)
  // A store that stays away: nobody makes directories in sysfs.
  const postern = await startPostern({
    config: { resources: { buckets: { inbox: { type: 'dir', path: '/sys/kernel/postern' } } } },
  })
  const sent = await sendAll(() => postern, messages(3))
  const [id = ''] = sent.kept.keys()
  await postern.logged(({ msg }) => msg.startsWith('Action failed'))
  const directory = join(postern.dataDir, 'redis')
  const written = (): string =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => readFileSync(join(each.parentPath, each.name), 'latin1'))
      .join('\n')
  // `everysec` is Redis's own clock.
  await until(() => written().includes(id))
  for (const secret of ['Subject', 'caf\xe9', 'you@', 'sender-', '127.0.0.1', 'inbox', '/sys/']) {
    expect(written()).not.toContain(secret)
  }
})

describe('a Redis elsewhere', () => {
  afterEach(async () => {
    await stopAll()
    stopRedis()
  })

  test('that is down at the start is waited for; mail is accepted and delivered once it is there', async () => {
    const port = await freePort()
    const redis = await startRedis({ port })
    const postern = await startPostern({ config: { redis: redis.place } })
    const sent = await sendAll(() => postern, messages(20))
    expect(postern.spooled()).toHaveLength(20)
    await redis.start()
    await postern.delivered()
    const after = await sendAll(() => postern, messages(20, 100))
    await postern.delivered()
    await expectKept(postern, sent, after)
  })

  test('that comes back empty, again and again, costs no mail, and the log says when', async () => {
    const port = await freePort()
    const redis = await startRedis({ port })
    await redis.start()
    const postern = await startPostern({ config: { redis: redis.place } })
    const said = (text: RegExp): number =>
      postern.logs().filter(({ role, msg }) => role === 'smtp' && text.test(msg)).length
    const sent = [await sendAll(() => postern, messages(10))]
    for (const round of [1, 2, 3]) {
      await redis.kill()
      sent.push(await sendAll(() => postern, messages(10, 100 * round)))
      await until(() => said(/does not answer; mail is still accepted/) === round)
      await redis.start()
      sent.push(await sendAll(() => postern, messages(10, 100 * round + 50)))
      await until(() => said(/^Redis at \S+ is back$/) === round)
      sent.push(await sendAll(() => postern, messages(10, 100 * round + 80)))
    }
    await postern.delivered()
    await expectKept(postern, ...sent)
  })
})
