/**
 * A worker that is killed in the middle of a plan: after it is back every target has every message, only
 * the step it was in is repeated, and the repetition has the id of the first (D§2.3).
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { expectKept, messageOf, sendAll } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { type RunningRedis, startRedis, stopRedis, streamOf } from '../support/redis.ts'
import { startTarget, stopTargets, type Target, webhookSecret } from '../support/targets.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const topic = (name: string) => `arn:aws:sns:eu-west-1:123456789012:${name}`
const lambda = 'arn:aws:lambda:eu-west-1:123456789012:function:triage'
const paths = ['/app', '/topic', '/function'] as const

let postern: RunningPostern
let redis: RunningRedis
let target: Target
let sendings = 0

beforeAll(async () => {
  redis = await startRedis()
  target = await startTarget()
  postern = await startChain()
})

function startChain(): Promise<RunningPostern> {
  const hook = (path: string) => ({ url: target.url(path), secret: webhookSecret })
  return startPostern({
    rules: {
      Metadata: { Name: 'default' },
      Rules: [
        {
          Name: 'chain',
          Enabled: true,
          Actions: [
            { S3Action: { BucketName: 'inbox' } },
            { WebhookAction: { Endpoint: 'app' } },
            { SNSAction: { TopicArn: topic('stream') } },
            { SNSAction: { TopicArn: topic('hook') } },
            { LambdaAction: { FunctionArn: lambda, InvocationType: 'RequestResponse' } },
            { S3Action: { BucketName: 'last' } },
          ],
        },
      ],
    },
    config: {
      redis: redis.place,
      resources: {
        topics: {
          [topic('stream')]: { type: 'redis', stream: 'mail' },
          [topic('hook')]: { type: 'webhook', ...hook('/topic') },
        },
        webhooks: { app: hook('/app') },
        functions: { [lambda]: { type: 'http', ...hook('/function') } },
      },
    },
  })
}
afterAll(async () => {
  await stopAll()
  stopRedis()
  stopTargets()
})

/** Kills the worker and resolves when another is in its place. */
async function killWorker(): Promise<void> {
  const [before = 0] = postern.pids()['worker'] ?? []
  process.kill(before, 'SIGKILL')
  await until(() => {
    const [now = before] = postern.pids()['worker'] ?? []
    return now !== before
  })
}

/** The ids that a path was posted, of these messages. */
function idsAt(path: string, ids: ReadonlySet<string>): string[] {
  const given = target.got(path).map(({ headers }) => String(headers['webhook-id']))
  return given.filter((each) => ids.has(each.split('-')[0] ?? '')).sort()
}

/** How often each action was done, by the log. */
function doneTimes(ids: ReadonlySet<string>): Record<string, number> {
  const times: Record<string, number> = {}
  for (const { msg, id, action, target: at } of postern.logs()) {
    if (msg !== 'Action done' || !ids.has(String(id))) continue
    const name = `${action} ${at}`
    times[name] = (times[name] ?? 0) + 1
  }
  return times
}

const count = 4

test.for([
  // path that is held, kills, why
  ['/app', 1, 'the second step, after the object is stored'],
  ['/topic', 1, 'behind a publication to Redis'],
  ['/function', 1, 'its answer decides about what follows'],
  ['/topic', 2, 'killed again in the step that it repeats'],
] as const)('killed while %s holds the answer, %d time(s): %s', async ([held, kills]) => {
  const before = target.got(held).length
  target.answer(held, () => 'hold')
  const messages = Array.from({ length: count }, (_, index) =>
    messageOf(2000, sendings * 100 + index),
  )
  const sent = await sendAll(() => postern, messages)
  sendings += 1
  const ids = new Set(sent.kept.keys())
  for (let kill = 1; kill <= kills; kill += 1) {
    await until(() => target.got(held).length === before + count * kill)
    if (kill === kills) target.answer(held, () => ({}))
    await killWorker()
  }
  await postern.delivered()

  const posted = Object.fromEntries(paths.map((path) => [path, idsAt(path, ids)]))
  const stream = (await streamOf(redis, 'mail')).map((each) => each['id'] ?? '')
  const published = stream.filter((each) => ids.has(each.split('-')[0] ?? ''))
  const counts = Object.entries(posted).map(([path, each]) => `${path} ${each.length}`)
  console.log(
    `${count} messages, ${kills} kill(s) at ${held}: ${counts.join(', ')}, stream ${published.length}`,
  )

  for (const path of paths) {
    const given = posted[path] ?? []
    // One id for each message, however often it came: a receiver knows the repetition by it.
    expect([path, new Set(given).size]).toEqual([path, count])
    expect([path, given.length]).toEqual([path, path === held ? count * (kills + 1) : count])
  }
  expect(published).toHaveLength(count)
  expect(new Set(published.map((each) => each.split('-')[0]))).toEqual(ids)
  // What the worker has written is read a moment later.
  await until(() => doneTimes(ids)['S3Action last'] === count)
  expect(doneTimes(ids)).toEqual({
    'S3Action inbox': count,
    'WebhookAction app': count,
    [`SNSAction ${topic('stream')}`]: count,
    [`SNSAction ${topic('hook')}`]: count,
    [`LambdaAction ${lambda}`]: count,
    'S3Action last': count,
  })
})

test('killed again and again under way, every target has every message, and every object is there once', async () => {
  await postern.stop()
  // Another, which starts a worker that died again as soon as the first time.
  postern = await startChain()
  const messages = Array.from({ length: 60 }, (_, index) => messageOf(2000, 10_000 + index))
  let over = false
  const sending = sendAll(() => postern, messages).finally(() => {
    over = true
  })
  let kills = 0
  while (kills < 3) {
    const seen = target.got('/app').length
    // Somewhere in the work: after the next few posts.
    await until(() => target.got('/app').length >= seen + 3 || postern.spooled().length === 0)
    if (over && postern.spooled().length === 0) break
    await killWorker()
    kills += 1
  }
  const sent = await sending
  await postern.delivered()
  const ids = new Set(sent.kept.keys())
  const figures: string[] = []
  for (const path of paths) {
    const given = idsAt(path, ids)
    expect([path, new Set(given).size]).toEqual([path, messages.length])
    figures.push(`${path} ${given.length}`)
    // A kill may repeat one step of each message that was under way.
    expect(given.length).toBeLessThanOrEqual(messages.length + kills * 16)
  }
  console.log(`${messages.length} messages, ${kills} kills under way: ${figures.join(', ')}`)
  expect(kills).toBeGreaterThan(0)
  await expectKept(postern, sent)
})
