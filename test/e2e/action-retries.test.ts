/**
 * An action that fails: tried again when its target asks for it, given up at once where nothing else can
 * help, and what follows as its rule says. Nothing of it is silent: log, `queue dead`, metrics.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { messageOf } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'
import { startTarget, stopTargets, type Target, webhookSecret } from '../support/targets.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const hooks = ['busy', 'gone', 'goes-on', 'drops', 'once', 'again', 'fine'] as const
type Hook = (typeof hooks)[number]

const call = (Endpoint: Hook, more: object = {}) => ({ WebhookAction: { Endpoint }, ...more })
const rule = (name: string, ...Actions: readonly object[]) => ({
  Name: name,
  Enabled: true,
  Recipients: [`${name}@example.test`],
  Actions,
})

let postern: RunningPostern
let target: Target

beforeAll(async () => {
  target = await startTarget()
  const webhooks = Object.fromEntries(
    hooks.map((name) => [name, { url: target.url(`/${name}`), secret: webhookSecret }]),
  )
  postern = await startPostern({
    config: {
      delivery: { retrySeconds: 600, firstRetryMs: 20, maxRetryMs: 100, sweepSeconds: 1 },
      resources: { webhooks },
    },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [
        rule('busy', call('busy')),
        rule('gone', call('gone'), call('fine')),
        rule('goes-on', call('goes-on', { OnFailure: 'CONTINUE' }), call('fine')),
        rule('drops', call('drops', { OnFailure: 'DROP' }), call('fine')),
        rule('once', call('once', { RetryTimeMinutes: 0 })),
        rule('again', call('again', { RetryTimeMinutes: 0 })),
      ],
    },
  })
})
afterAll(async () => {
  await stopAll()
  stopTargets()
})

async function send(...names: readonly string[]): Promise<string> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('sender@example.test', ...names.map((name) => `${name}@example.test`))
  const { code, text } = await client.message(messageOf(500, 1))
  expect(code).toBe(250)
  await client.quit()
  return text.slice('OK '.length)
}

/** What the log says of a message's actions. */
const said = (id: string) =>
  postern.logs().filter((each) => each['id'] === id && each['action'] !== undefined)

/** The ids that a hook was posted, of one message. */
const postsOf = (name: Hook, id: string): string[] =>
  target
    .got(`/${name}`)
    .map(({ headers }) => String(headers['webhook-id']))
    .filter((each) => each.startsWith(id))

async function deadLines(): Promise<Record<string, unknown>[]> {
  const { stdout } = await postern.cli('queue', 'dead', '--json')
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

async function gauges(): Promise<string[]> {
  const text = await (await fetch(`${postern.http}/metrics`)).text()
  return text.split('\n').filter((line) => /^postern_(dead|failing)_actions\{/.test(line))
}

test('503 is tried again, Retry-After is waited for, and each attempt has the same id', async () => {
  target.answer('/busy', (count) =>
    count === 1
      ? { status: 503, body: 'come\u001b[2J again' }
      : count === 2
        ? { status: 429, headers: { 'retry-after': '2' } }
        : {},
  )
  const id = await send('busy')
  await until(() => said(id).some(({ attempts }) => attempts === 2))
  expect(await gauges()).toEqual(['postern_failing_actions{rule="busy",action="WebhookAction"} 1'])
  await postern.logged(({ msg, id: of }) => of === id && msg === 'Action done')
  await postern.delivered()
  const posts = postsOf('busy', id)
  expect([posts.length, new Set(posts).size]).toEqual([3, 1])
  const [first, second, done, ...more] = said(id)
  expect(more).toEqual([])
  expect(first).toMatchObject({
    level: 'warn',
    msg: 'Action failed; it will be tried again',
    rule: 'busy',
    action: 'WebhookAction',
    target: 'busy',
    attempts: 1,
  })
  expect(first?.['reason']).toMatch(/^127\.0\.0\.1:\d+ answered 503: come \[2J again$/)
  expect(first?.['retryInMs']).toBeLessThanOrEqual(100)
  // Its own retries would come sooner.
  expect(second?.['retryInMs']).toBe(2000)
  expect(done).toMatchObject({ level: 'info', msg: 'Action done' })
  expect(await gauges()).toEqual([])
})

test('410 is a dead letter at once: rule, action, target, attempts and reason are told everywhere', async () => {
  target.answer('/gone', () => ({ status: 410 }))
  const id = await send('gone')
  await postern.logged(({ msg, id: of }) => of === id && msg.includes('is a dead letter'))
  expect(postsOf('gone', id)).toHaveLength(1)
  // What stands behind it in its rule waits for a decision.
  expect(postsOf('fine', id)).toEqual([])
  const told = { rule: 'gone', action: 'WebhookAction', target: 'gone', attempts: 1 }
  const reason = expect.stringMatching(/^127\.0\.0\.1:\d+ answered 410 \(gone: it wants no more/)
  expect(said(id)).toEqual([expect.objectContaining({ ...told, level: 'error', reason })])
  expect(await deadLines()).toEqual([expect.objectContaining({ ...told, id, reason })])
  const { stdout } = await postern.cli('queue', 'dead')
  expect(stdout).toMatch(
    new RegExp(`^${id} +\\S+Z +gone +WebhookAction +gone +1 +127.0.0.1:\\d+ answered 410 `, 'm'),
  )
  expect(await gauges()).toEqual(['postern_dead_actions{rule="gone",action="WebhookAction"} 1'])

  target.answer('/gone', () => ({}))
  const retried = await postern.cli('queue', 'retry', id)
  expect(retried).toMatchObject({ code: 0, stdout: `${id}: brought back\n` })
  await postern.delivered()
  expect([postsOf('gone', id).length, postsOf('fine', id).length]).toEqual([2, 1])
  expect(new Set(postsOf('gone', id)).size).toBe(1)
  expect(await gauges()).toEqual([])
})

test.for([
  // rule, posts to the next action, what the log says follows, why
  ['goes-on', 1, 'so the next action is carried out', 'OnFailure: CONTINUE'],
  ['drops', 0, 'so nothing more is done for its recipients', 'OnFailure: DROP'],
] as const)(
  '%s given up leaves %d for the next action, told, and no dead letter: %s, %s',
  async ([name, posts, follows]) => {
    target.answer(`/${name}`, () => ({ status: 410 }))
    const id = await send(name)
    await postern.delivered()
    expect(postern.dead()).toEqual([])
    expect([postsOf(name, id).length, postsOf('fine', id).length]).toEqual([1, posts])
    await postern.logged(({ msg, id: of }) => of === id && msg.startsWith('Action given up'))
    const errors = said(id).filter(({ level }) => level === 'error')
    expect(errors).toEqual([expect.objectContaining({ rule: name, target: name, attempts: 1 })])
    expect(errors[0]?.msg).toContain(follows)
  },
)

test('RetryTimeMinutes: 0 is one attempt, and --all brings all back, of each only what was given up', async () => {
  for (const name of ['once', 'again'] as const)
    target.answer(`/${name}`, () => ({ status: 500, body: 'broken' }))
  // Two rules of one message, and one of another.
  const both = await send('once', 'again')
  const one = await send('once')
  await until(() => postern.dead().length === 2)
  const lines = await deadLines()
  expect(lines.map(({ id, rule: of, attempts }) => [id, of, attempts])).toEqual([
    [both, 'once', 1],
    [both, 'again', 1],
    [one, 'once', 1],
  ])
  expect((await gauges()).sort()).toEqual([
    'postern_dead_actions{rule="again",action="WebhookAction"} 1',
    'postern_dead_actions{rule="once",action="WebhookAction"} 2',
  ])
  for (const name of ['once', 'again'])
    await postern.logged(
      ({ level, id, rule: of }) => level === 'error' && id === both && of === name,
    )

  // One of the two targets is mended.
  target.answer('/once', () => ({}))
  const all = await postern.cli('queue', 'retry', '--all')
  expect(all).toMatchObject({ code: 0, stdout: `${both}: brought back\n${one}: brought back\n` })
  await until(() => postsOf('again', both).length === 2 && postern.spooled().length === 0)
  expect(postern.dead()).toEqual([both])
  expect((await deadLines()).map(({ id, rule: of }) => [id, of])).toEqual([[both, 'again']])

  target.answer('/again', () => ({}))
  await postern.cli('queue', 'retry', '--all')
  await until(() => postern.dead().length === 0 && postern.spooled().length === 0)
  expect([postsOf('once', both).length, postsOf('again', both).length]).toEqual([2, 3])
  expect((await postern.cli('queue', 'dead')).stdout).toBe('There are no dead letters.\n')
  expect(await gauges()).toEqual([])
})
