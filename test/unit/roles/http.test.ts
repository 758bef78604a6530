/** The HTTP role as a process of its own, where Redis hangs and the disk is full; the rest is in test/e2e/http.test.ts. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { noProgress } from '../../../src/spool/progress.ts'
import { until } from '../../support/postern.ts'
import { type RunningRedis, startRedis, stopRedis } from '../../support/redis.ts'
import { filesOf, keep, restOfRecord, Spool, scratch } from '../spool/support.ts'

const program = join(import.meta.dirname, '../../../src/cli/main.ts')
const rulesOfDemo = join(import.meta.dirname, '../../../rules')
const children = new Set<ChildProcess>()

let redis: RunningRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(stopRedis)
afterEach(() => {
  for (const each of children) each.kill('SIGKILL')
  children.clear()
})

type Running = {
  readonly url: string
  readonly directory: string
  readonly dataDir: string
  readonly child: ChildProcess
}

/** Starts the role and resolves when it serves. */
async function startHttp(more: Record<string, unknown> = {}): Promise<Running> {
  const directory = scratch()
  const file = join(directory, 'postern.yaml')
  const config = {
    dataDir: './data',
    http: { listen: '127.0.0.1:0' },
    redis: redis.place,
    rules: { dir: rulesOfDemo },
    ...more,
  }
  writeFileSync(file, stringify(config), { mode: 0o600 })
  const child = fork(program, ['--config', file, 'serve', '--role', 'http'], { stdio: 'ignore' })
  children.add(child)
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`it ended with ${code}`)
  })
  const serving = once(child, 'message') as Promise<[{ addresses: string[] }]>
  const [message] = await Promise.race([serving, ended])
  ended.catch(() => {})
  return { url: message.addresses[0] ?? '', directory, dataDir: join(directory, 'data'), child }
}

async function ask(url: string, init: RequestInit = {}) {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** Every sample of a page in Prometheus's text format; throws at a line that is none. */
function samplesOf(page: string): Record<string, number> {
  const samples: Record<string, number> = {}
  for (const line of page.split('\n')) {
    if (line === '' || /^# (?:HELP|TYPE) [a-z_]+ ./.test(line)) continue
    const [, name, value] = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? []
    if (name === undefined || Number.isNaN(Number(value))) throw new Error(`not a sample: ${line}`)
    samples[name] = Number(value)
  }
  return samples
}

describe('the role', () => {
  let http: Running
  beforeEach(async () => {
    http = await startHttp()
  })

  test('/metrics counts what waits, what is dead and what is corrupt, and shows no id', async () => {
    const spool = new Spool(http.dataDir)
    const message = Buffer.from('Subject: x\r\n\r\n')
    const old = await keep(spool, message, restOfRecord(newMessageId(Date.now() - 90_000)))
    await keep(spool, message)
    await spool.bury(await keep(spool, message), noProgress)
    writeFileSync(join(http.dataDir, 'spool/corrupt', newMessageId(1)), '')
    const { text, headers } = await ask(`${http.url}/metrics`)
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4')
    const samples = samplesOf(text)
    expect(samples).toMatchObject({
      postern_spool_messages: 2,
      postern_dead_letters: 1,
      postern_corrupt_entries: 1,
    })
    expect(samples['postern_spool_oldest_seconds']).toBeGreaterThanOrEqual(90)
    expect(samples['postern_spool_oldest_seconds']).toBeLessThan(150)
    expect(text).not.toMatch(/[0-9a-v]{40}|@/)

    for (const id of filesOf(http.dataDir, 'queue')) await spool.remove(id)
    spool.close()
    expect(samplesOf((await ask(`${http.url}/metrics`)).text)).toMatchObject({
      postern_spool_messages: 0,
      postern_spool_oldest_seconds: 0,
    })
    expect(old).toHaveLength(40)
  })

  test('/metrics tells which actions of which rules fail or hold dead letters, and forgets them after', async () => {
    const spool = new Spool(http.dataDir)
    const message = Buffer.from('Subject: x\r\n\r\n')
    const failure = { attempts: 2, since: '2026-03-02T09:15:27Z', time: '', reason: 'away' }
    const progress = (more: object) => ({ ...noProgress, failures: { 0: { ...failure, ...more } } })
    const waiting = [await keep(spool, message), await keep(spool, message)]
    for (const id of waiting) await spool.writeProgress(id, progress({ next: Date.now() + 1e6 }))
    // Passed by as its rule says: it waits for nothing and holds nothing.
    await spool.writeProgress(await keep(spool, message), progress({ passed: 'CONTINUE' }))
    const dead = await keep(spool, message)
    await spool.bury(dead, progress({}))
    await spool.bury(await keep(spool, message), progress({ passed: 'DROP' }))
    expect(samplesOf((await ask(`${http.url}/metrics`)).text)).toMatchObject({
      'postern_failing_actions{rule="all",action="S3Action"}': 2,
      'postern_dead_actions{rule="all",action="S3Action"}': 1,
    })
    for (const id of waiting) await spool.remove(id)
    await spool.removeDead(dead)
    spool.close()
    expect((await ask(`${http.url}/metrics`)).text).not.toMatch(/_actions\{/)
  })

  test('/metrics and /readyz tell of rules that can not be used, before and after they are mended', async () => {
    const { url, directory } = await startHttp({ rules: { dir: './rules' } })
    const rules = async () => {
      const samples = samplesOf((await ask(`${url}/metrics`)).text)
      return [samples['postern_rules_ok'], samples['postern_rules_loaded_timestamp_seconds']]
    }
    // It is started although there are none: an operator must not lose sight of the rest.
    expect(await rules()).toEqual([0, 0])
    expect(await ask(`${url}/readyz`)).toMatchObject({ status: 503 })
    expect((await ask(`${url}/readyz`)).text).toMatch(
      /^rules: .*; the rules before stay in force$/m,
    )
    const since = Date.now() / 1000
    const file = join(directory, 'rules/default.yaml')
    mkdirSync(join(directory, 'rules'))
    writeFileSync(file, 'Metadata: { Name: default }\nRules: []\n')
    await until(async () => (await rules())[0] === 1)
    expect((await rules())[1]).toBeGreaterThanOrEqual(since)
    await until(async () => (await ask(`${url}/readyz`)).text === 'ready\n')
    writeFileSync(file, 'Metadata: { Name: default }\nRules: wrong\n')
    await until(async () => (await rules())[0] === 0)
    expect((await ask(`${url}/readyz`)).text).toContain(`rules: ${file}:2:8: `)
  })

  test('a stop ends it with exit code 0, an open connection or not', async () => {
    expect(await ask(`${http.url}/healthz`)).toMatchObject({ status: 200, text: 'ok\n' })
    const exited = once(http.child, 'exit')
    http.child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})

describe('/readyz', () => {
  afterEach(async () => {
    redis.resume()
    await redis.kill()
    await redis.start()
  })

  test('answers within a few seconds while Redis hangs', async () => {
    const { url } = await startHttp()
    await until(async () => (await ask(`${url}/readyz`)).status === 200)
    redis.pause()
    const { status, text } = await ask(`${url}/readyz`)
    expect(status).toBe(503)
    expect(text).toContain('redis: ')
    redis.resume()
    await until(async () => (await ask(`${url}/readyz`)).status === 200)
  })

  test('names the disk when it is low, and Redis beside it', async () => {
    const { url } = await startHttp({ spool: { minFreeBytes: 2 ** 50 } })
    const disk =
      'disk: below spool.minFreeBytes or minFreeInodes, or not writable; mail is deferred\n'
    await until(async () => (await ask(`${url}/readyz`)).text === disk)
    await redis.kill()
    await until(async () => (await ask(`${url}/readyz`)).text.includes('redis: '))
    const { status, text } = await ask(`${url}/readyz`)
    expect(status).toBe(503)
    expect(text.split('\n').map((line) => line.split(':')[0])).toEqual(['disk', 'redis', ''])
  })
})
