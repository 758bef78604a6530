/** D§2.1: what could not be delivered is kept where the operator sees it, says why, and comes back whole. */
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { newMessageId } from '../../src/mail/message-id.ts'
import { expectKept, freePort, messageOf, sendAll } from '../support/load.ts'
import {
  type LogRecord,
  type RunningPostern,
  startPostern,
  stopAll,
  until,
} from '../support/postern.ts'

// Whole servers are started and stopped in each, on a machine that others use.
vi.setConfig({ testTimeout: 120_000 })
afterEach(stopAll)

const delivery = { retrySeconds: 1, firstRetryMs: 20, maxRetryMs: 400 }

/** Two copies of each message: to a directory, and to an S3 endpoint that is down. */
async function startWithoutStore(more: Record<string, unknown> = {}) {
  const port = await freePort()
  const archive = {
    type: 's3',
    bucket: 'archive',
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    accessKeyId: 'test',
    secretAccessKey: 'test',
  }
  const actions = ['inbox', 'archive'].map((BucketName) => ({ S3Action: { BucketName } }))
  const postern = await startPostern({
    config: { delivery: { ...delivery, ...more }, resources: { buckets: { archive } } },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [{ Name: 'keep-twice', Enabled: true, Actions: actions }],
    },
  })
  return { postern, port }
}

const isGivenUp = ({ msg }: LogRecord): boolean => msg.includes('was given up')

/** What `postern queue list|dead --json` prints, by id. */
async function linesOf(postern: RunningPostern, where: 'list' | 'dead') {
  const { code, stdout } = await postern.cli('queue', where, '--json')
  expect(code).toBe(0)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Plays the S3 endpoint that came back: it takes every object, and remembers how often. */
async function startStore(port: number) {
  const puts = new Map<string, number>()
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const key = request.url?.split('?')[0] ?? ''
      if (request.method === 'PUT') puts.set(key, (puts.get(key) ?? 0) + 1)
      response.writeHead(request.method === 'PUT' ? 200 : 404).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { puts, close: () => server.close() }
}

test('a message whose time is over is a dead letter, is shown, and comes back when told', async () => {
  const { postern, port } = await startWithoutStore()
  const sent = await sendAll(() => postern, [messageOf(500, 1), messageOf(5000, 2)])
  const ids = [...sent.kept.keys()].sort()
  await until(() => postern.dead().length === 2)
  expect(postern.spooled()).toEqual([])

  const record = await postern.logged((each) => isGivenUp(each) && each['id'] === ids[0])
  expect(record).toMatchObject({
    level: 'error',
    rule: 'keep-twice',
    action: 'S3Action',
    target: 'archive',
  })
  expect(record['attempts']).toBeGreaterThan(1)
  expect(record.msg).toContain(`mend the cause, then: postern queue retry ${ids[0]}`)
  expect(record['reason']).toContain(`bucket archive at http://127.0.0.1:${port}`)

  const lines = await linesOf(postern, 'dead')
  expect(lines.map(({ id }) => id)).toEqual(ids)
  for (const line of lines) {
    expect(line).toMatchObject({ rule: 'keep-twice', action: 'S3Action', target: 'archive' })
    expect(line['attempts']).toBeGreaterThan(1)
    expect(line['reason']).toContain('could not put')
    expect(Date.parse(String(line['received']))).toBeLessThan(Date.parse(String(line['failed'])))
  }
  const { stdout } = await postern.cli('queue', 'dead')
  const [head, ...rows] = stdout.trimEnd().split('\n')
  expect(head).toMatch(/^ID +RECEIVED +RULE +ACTION +TARGET +ATTEMPTS +REASON$/)
  for (const [index, row] of rows.entries()) {
    expect(row).toMatch(
      new RegExp(`^${ids[index]} +\\S+Z +keep-twice +S3Action +archive +\\d+ +could not put`),
    )
  }
  // Only the message ids tell where it is: nothing that is shown holds an address.
  expect(stdout + JSON.stringify(lines)).not.toContain('@')

  const store = await startStore(port)
  expect((await postern.cli('queue', 'retry', ids[0] ?? '')).stdout).toBe(
    `${ids[0]}: brought back\n`,
  )
  await until(() => store.puts.size === 1 && postern.spooled().length === 0)
  expect(postern.dead()).toEqual([ids[1]])
  const all = await postern.cli('queue', 'retry', '--all')
  expect(all).toMatchObject({ code: 0, stdout: `${ids[1]}: brought back\n`, stderr: '' })
  await until(() => store.puts.size === 2 && postern.spooled().length === 0)
  store.close()

  // The copy that was stored at the first attempt was not stored again; the other one once.
  expect([...store.puts]).toEqual(ids.map((id) => [`/archive/${id}`, 1]))
  await expectKept(postern, sent)
  const done = postern.logs().filter(({ msg }) => msg === 'Action done')
  expect(done).toHaveLength(4)
  expect(readdirSync(join(postern.dataDir, 'dead'))).toEqual([])
  expect((await postern.cli('queue', 'dead')).stdout).toBe('There are no dead letters.\n')
})

test('what waits for its next attempt is listed with the reason, oldest first, and can be tried at once', async () => {
  const hour = 3_600_000
  const { postern, port } = await startWithoutStore({
    retrySeconds: 86_400,
    firstRetryMs: hour,
    maxRetryMs: hour,
  })
  expect((await postern.cli('queue', 'list')).stdout).toBe(
    'Nothing waits: all accepted mail is delivered.\n',
  )
  const sent = await sendAll(
    () => postern,
    [1, 2, 3].map((each) => messageOf(500, each)),
  )
  const ids = [...sent.kept.keys()].sort()
  const failed = ({ msg }: LogRecord): boolean => msg.startsWith('Action failed')
  await until(() => postern.logs().filter(failed).length === 3)
  const lines = await linesOf(postern, 'list')
  expect(lines.map(({ id }) => id)).toEqual(ids)
  for (const line of lines) {
    expect(line).toMatchObject({ attempts: 1, rule: 'keep-twice', action: 'S3Action' })
  }
  const { stdout } = await postern.cli('queue', 'list')
  expect(stdout.match(/ {2}keep-twice +S3Action +archive +1 +could not put/g)).toHaveLength(3)

  // Tried while the store is still away: that is the second attempt, not the first again.
  await postern.cli('queue', 'retry', ids[0] ?? '')
  await until(() => postern.logs().filter(failed).length === 4)
  expect((await linesOf(postern, 'list'))[0]).toMatchObject({ id: ids[0], attempts: 2 })

  const store = await startStore(port)
  const retried = await postern.cli('queue', 'retry', ...ids)
  expect(retried.stdout).toBe(ids.map((id) => `${id}: due now\n`).join(''))
  await postern.delivered()
  store.close()
  expect([...store.puts.values()]).toEqual([1, 1, 1])
  await expectKept(postern, sent)
})

test('dead letters brought back while nothing runs are delivered at the next start', async () => {
  const { postern, port } = await startWithoutStore()
  const sent = await sendAll(() => postern, [messageOf(500, 1)])
  const [id = ''] = sent.kept.keys()
  await until(() => postern.dead().length === 1)
  await postern.stop()
  const { code, stdout, stderr } = await postern.cli('queue', 'retry', '--all')
  expect([code, stdout]).toEqual([0, `${id}: brought back\n`])
  expect(stderr).toContain('they are delivered when it is back')
  const store = await startStore(port)
  const again = await startPostern({ again: postern })
  await again.delivered()
  store.close()
  await expectKept(again, sent)
})

test('an entry that the disk has damaged is moved aside, told of, and stops nobody else', async () => {
  const postern = await startPostern()
  const broken = newMessageId(Date.now())
  writeFileSync(join(postern.dataDir, 'spool/queue', broken), 'not what was written')
  const sent = await sendAll(() => postern, [messageOf(500, 1)])
  const record = await postern.logged(({ id, level }) => id === broken && level === 'error')
  expect(record.msg).toContain('was moved to spool/corrupt; look at the disk')
  await postern.delivered()
  await expectKept(postern, sent)
  expect(readdirSync(join(postern.dataDir, 'spool/corrupt'))).toEqual([broken])
  const { code, stderr } = await postern.cli('queue', 'list')
  expect(code).toBe(0)
  expect(stderr).toContain(`1 entry could not be read, kept in ${postern.dataDir}/spool/corrupt`)
  const metrics = await (await fetch(`${postern.http}/metrics`)).text()
  expect(metrics).toMatch(/^postern_corrupt_entries 1$/m)

  const unknown = newMessageId(0)
  const wrong = [
    // arguments, exit code, what is said, why
    [['retry'], 78, 'Name the messages to retry, or give --all', 'nothing is named'],
    [['retry', '../x'], 78, '../x is not a message id', 'it would lead elsewhere'],
    [['retry', '\u001b[2J'], 78, '\\x1b[2J is not a message id', 'a terminal would obey it'],
    [['retry', unknown], 0, `${unknown}: is neither a dead letter nor waiting`, 'a slip'],
    [['no-such'], 2, 'unknown command', 'no such command'],
  ] as const
  for (const [args, expected, said] of wrong) {
    const result = await postern.cli('queue', ...args)
    expect([args, result.code]).toEqual([args, expected])
    expect(result.stdout + result.stderr).toContain(said)
  }
})
