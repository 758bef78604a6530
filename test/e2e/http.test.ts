/** /healthz, /readyz and /metrics of a running Postern: what an operator's machines ask it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, messageOf, reconfigure } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { type RunningRedis, startRedis, stopRedis } from '../support/redis.ts'
import { SmtpClient } from '../support/smtp-client.ts'

let postern: RunningPostern
let redis: RunningRedis

const ruleFor = (recipient: string, bucket: string) => ({
  Name: bucket,
  Enabled: true,
  Recipients: [recipient],
  Actions: [{ S3Action: { BucketName: bucket } }],
})

beforeAll(async () => {
  // Not the embedded one, which would be started again at once.
  redis = await startRedis()
  postern = await startPostern({
    config: {
      redis: redis.place,
      delivery: { retrySeconds: 0, firstRetryMs: 10, maxRetryMs: 10, sweepSeconds: 1 },
      // A directory that can't be one: below a regular file.
      resources: { buckets: { broken: { type: 'dir', path: './postern.yaml/broken' } } },
    },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [ruleFor('you@example.test', 'inbox'), ruleFor('lost@example.test', 'broken')],
    },
  })
})
afterAll(async () => {
  await stopAll()
  stopRedis()
})

type Answer = { readonly status: number; readonly text: string; readonly type: string | null }

async function get(path: string): Promise<Answer> {
  const response = await fetch(`${postern.http}${path}`)
  const type = response.headers.get('content-type')
  return { status: response.status, text: await response.text(), type }
}

async function send(recipient: string): Promise<string> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('secret-sender@example.test', recipient)
  const { code, text } = await client.message(messageOf(500, 1))
  expect(code).toBe(250)
  await client.quit()
  return text.slice('OK '.length)
}

/** Prometheus' text format 0.0.4, its lines without times, which is all that is used here. */
async function metrics(): Promise<Record<string, number>> {
  const { status, text, type } = await get('/metrics')
  expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  expect(text.endsWith('\n')).toBe(true)
  const values: Record<string, number> = {}
  const types: Record<string, string> = {}
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line)
    const sample = /^([a-z_]+(?:\{[^}]*\})?) ([0-9.e+-]+)$/.exec(line)
    expect(comment ?? sample, line).not.toBeNull()
    if (comment?.[1] === 'TYPE') types[comment[2] ?? ''] = comment[3] ?? ''
    if (sample !== null) values[sample[1] ?? ''] = Number(sample[2])
  }
  for (const name of Object.keys(values)) expect(types[name.split('{')[0] ?? '']).toBe('gauge')
  return values
}

test('healthz and readyz say that all is well, and another path says what there is', async () => {
  expect(await get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
  expect(await get('/readyz')).toMatchObject({ status: 200, text: 'ready\n' })
  expect(await get('/')).toMatchObject({ status: 404, text: expect.stringContaining('/readyz') })
})

test('metrics count nothing where nothing waits', async () => {
  expect(await metrics()).toEqual({
    postern_spool_messages: 0,
    postern_spool_oldest_seconds: 0,
    postern_dead_letters: 0,
    postern_corrupt_entries: 0,
    postern_rules_ok: 1,
    postern_rules_loaded_timestamp_seconds: expect.closeTo(Date.now() / 1000, -3),
  })
})

test('metrics count dead letters and entries that could not be read, and show no address', async () => {
  await send('lost@example.test')
  await until(() => postern.dead().length === 1)
  writeFileSync(join(postern.dataDir, 'spool/corrupt', `${'0'.repeat(39)}1`), 'damaged')
  expect(await metrics()).toMatchObject({
    postern_spool_messages: 0,
    postern_dead_letters: 1,
    'postern_dead_actions{rule="broken",action="S3Action"}': 1,
    postern_corrupt_entries: 1,
  })
  expect((await get('/metrics')).text).not.toMatch(/@|example\.test/)
})

test('without Redis readyz is 503 and names it, healthz is well, and mail is accepted and waits', async () => {
  await redis.kill()
  await until(async () => (await get('/readyz')).status === 503)
  expect((await get('/readyz')).text).toMatch(/^redis: .+; mail is accepted and waits/)
  expect((await get('/healthz')).status).toBe(200)
  const id = await send('you@example.test')
  expect(postern.spooled()).toEqual([id])
  expect(await metrics()).toMatchObject({ postern_spool_messages: 1, postern_dead_letters: 1 })
  // The wall clock's, in milliseconds: a message of this very one is 0 s old.
  await until(async () => ((await metrics())['postern_spool_oldest_seconds'] ?? 0) > 0)

  await redis.start()
  await until(async () => (await get('/readyz')).status === 200)
  await postern.delivered()
  expect((await metrics())['postern_spool_messages']).toBe(0)
})

test('with too little free disk readyz is 503 and says so, and mail is deferred with 452', async () => {
  await postern.stop()
  const http = await freePort()
  reconfigure(postern, (config) => ({
    ...config,
    http: { listen: `127.0.0.1:${http}` },
    // More than any disk of today has free: a petabyte.
    spool: { minFreeBytes: 2 ** 50 },
  }))
  postern = await startPostern({ again: postern })
  // Until its own connection to Redis is made, it names Redis, too.
  await until(async () => !(await get('/readyz')).text.includes('redis'))
  const { status, text } = await get('/readyz')
  expect([status, text]).toEqual([
    503,
    'disk: below spool.minFreeBytes or minFreeInodes, or not writable; mail is deferred\n',
  ])
  const client = await SmtpClient.connect(postern)
  await client.hello()
  const { code, text: refused } = await client.command('MAIL FROM:<a@example.test>')
  expect([code, refused]).toEqual([452, expect.stringMatching(/^4\.3\.1 /)])
  client.destroy()
})
