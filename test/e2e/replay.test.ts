/** Mail that wrong rules misfiled, gave up or held, mended by a person: on a real Postern, as a person types it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { freePort } from '../support/load.ts'
import {
  type CliResult,
  type RunningPostern,
  startPostern,
  stopAll,
  until,
} from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const store = (BucketName: string, ObjectKeyPrefix?: string, more = {}) => ({
  S3Action: { BucketName, ...(ObjectKeyPrefix === undefined ? {} : { ObjectKeyPrefix }) },
  ...more,
})
const offers = {
  Name: 'offers',
  Enabled: true,
  Conditions: [
    {
      StringExpression: {
        Evaluate: { Attribute: 'SUBJECT' },
        Operator: 'CONTAINS',
        Values: ['offer'],
      },
    },
  ],
  Actions: [{ QuarantineAction: { Reason: 'an offer' } }],
}
const ruleSet = (sales: object, dead: object) => ({
  Metadata: { Name: 'default' },
  Rules: [
    offers,
    { Name: 'dead', Enabled: true, Recipients: ['dead@example.test'], Actions: [dead] },
    { Name: 'sales', Enabled: true, Recipients: ['sales@example.test'], Actions: [sales] },
  ],
})

const [order, late] = [mailOf('order'), mailOf('late')]
let postern: RunningPostern
/** By the wrong rules: stored under a wrong prefix, and given up. */
let misfiled = ''
let dead = ''

beforeAll(async () => {
  // An S3 endpoint that is not there; one attempt.
  const archive = {
    type: 's3',
    bucket: 'archive',
    endpoint: `http://127.0.0.1:${await freePort()}`,
    forcePathStyle: true,
    accessKeyId: 'test',
    secretAccessKey: 'test',
  }
  postern = await startPostern({
    config: { resources: { buckets: { archive } } },
    rules: ruleSet(store('inbox', 'wrong'), store('archive', 'x', { RetryTimeMinutes: 0 })),
  })
  misfiled = await send('sales@example.test', order)
  dead = await send('dead@example.test', late)
  await postern.delivered()
  const mended = ruleSet(store('inbox', 'right/'), store('inbox', 'late/'))
  writeFileSync(join(postern.directory, 'rules/default.yaml'), stringify(mended))
  await postern.logged(({ msg }) => msg === 'The rules changed and are in force')
})
afterAll(stopAll)

/** Sends the message and answers the id of its 250. */
async function send(recipient: string, message: Buffer): Promise<string> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('jo@example.net', recipient)
  const { text } = await client.message(message)
  await client.quit()
  const id = /^OK ([0-9a-v]{40})/.exec(text)?.[1]
  expect(id, text).toBeDefined()
  return id ?? ''
}

async function keys(bucket = 'inbox'): Promise<string[]> {
  const mailbox = await postern.mailbox(bucket)
  return (await Array.fromAsync(mailbox.list())).map(({ key }) => key).sort()
}

const linesOf = ({ stdout }: CliResult) => stdout.split('\n').filter((line) => line !== '')

function mailOf(subject: string): Buffer {
  const text = `Subject: ${subject}\r\nFrom: jo@example.net\r\n\r\n.dot caf\xe9\r\n`
  return Buffer.from(text, 'latin1')
}

test('misfiled mail is filed again by mended rules, and what is stored stays', async () => {
  const id = misfiled
  const old = `wrong/${id}`
  expect(await keys()).toEqual([old])
  const path = join(postern.dataDir, 'store/inbox/wrong', id)
  const sealed = readFileSync(path)

  const dry = await postern.cli('replay', '--rule', 'sales', '--dry-run')
  expect([dry.code, dry.stderr]).toEqual([
    0,
    'postern: nothing was done: without --dry-run it is\n',
  ])
  expect(linesOf(dry)).toEqual([
    expect.stringMatching(`^${id}: would be replayed, received 2\\d{3}-`),
    '  - sales: S3Action inbox/wrong/ for sales@example.test',
    '  + sales: S3Action inbox/right/ for sales@example.test',
  ])
  expect(await keys()).toEqual([old])
  expect(postern.spooled()).toEqual([])

  const ran = await postern.cli('replay', '--rule', 'sales', '--to', 'SALES@example.test', '--json')
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  const [line] = linesOf(ran).map((each) => JSON.parse(each))
  expect(line).toMatchObject({ id, outcome: 'replayed', from: 'store' })
  const filed = `right/${line.as}`
  await until(async () => (await keys()).includes(filed))
  expect(await keys()).toEqual([filed, old].sort())
  expect(readFileSync(path).equals(sealed)).toBe(true)

  const mailbox = await postern.mailbox()
  const [before, after] = await Promise.all([mailbox.get(old), mailbox.get(filed)])
  expect(Buffer.from(after.original)).toEqual(order)
  const { time, envelope } = before.receipt
  expect(after.receipt).toMatchObject({ id: line.as, time, envelope, rule: 'sales' })
  expect(after.receipt.replay).toMatchObject({ of: id, from: 'store' })

  // Both copies are one message: replayed once more, once.
  const again = await postern.cli('replay', '--since', '2020-01-01', '--dry-run', '--json')
  expect(linesOf(again)).toHaveLength(1)
})

test('a dead letter is replayed by the rules of today and stays a dead letter', async () => {
  const id = dead
  expect(postern.dead()).toEqual([id])
  const ran = await postern.cli('replay', id)
  expect(ran.code).toBe(0)
  expect(ran.stderr).toBe(
    'postern: the dead letters are still there: postern queue delete removes them\n',
  )
  const as = new RegExp(`^${id}: replayed as ([0-9a-v]{40})\n$`).exec(ran.stdout)?.[1]
  await until(async () => (await keys()).includes(`late/${as}`))
  const { original, receipt } = await (await postern.mailbox()).get(`late/${as}`)
  expect(Buffer.from(original)).toEqual(late)
  expect(receipt.replay).toMatchObject({ of: id, from: 'dead' })
  expect(postern.dead()).toEqual([id])
})

test('held mail is listed without a key, let go through the rules or moved sealed, and deleted', async () => {
  const message = mailOf('an offer')
  const ids: string[] = []
  for (let n = 0; n < 3; n += 1) ids.push(await send('sales@example.test', message))
  const [first = '', second = '', third = ''] = ids
  await postern.delivered()
  const before = await keys()
  expect(await keys('quarantine')).toEqual(ids.map((id) => `quarantine/offers/${id}`).sort())

  const listed = await postern.cli('quarantine', 'list')
  expect(linesOf(listed)).toHaveLength(4)
  expect(listed.stdout).toContain('an offer')
  const released = await postern.cli('quarantine', 'release', first)
  expect([released.code, released.stderr]).toEqual([0, ''])
  const as = /replayed as ([0-9a-v]{40})/.exec(released.stdout)?.[1]
  await until(async () => (await keys()).includes(`right/${as}`))
  const { original, receipt } = await (await postern.mailbox()).get(`right/${as}`)
  expect(Buffer.from(original)).toEqual(message)
  expect(receipt.replay).toMatchObject({ of: first, from: 'quarantine' })

  const moved = await postern.cli('quarantine', 'release', second, '--to', 'inbox/moved')
  expect(moved.stdout).toBe(`${second}: moved to inbox/moved/${second}\n`)
  const got = await (await postern.mailbox()).get(`moved/${second}`)
  expect(Buffer.from(got.original)).toEqual(message)
  expect(got.receipt.rule).toBe('offers')

  expect((await postern.cli('quarantine', 'delete', third, '--yes')).code).toBe(0)
  expect(await keys('quarantine')).toEqual([])
  expect(await keys()).toEqual([...before, `right/${as}`, `moved/${second}`].sort())
})

test('a message that is damaged is told of, and does not stop the others', async () => {
  const [stored = ''] = (await keys()).filter((key) => key.startsWith('moved/'))
  const path = join(postern.dataDir, 'store/inbox', stored)
  const octets = readFileSync(path)
  octets[octets.length - 1] = (octets.at(-1) ?? 0) ^ 1
  writeFileSync(path, octets)
  const ran = await postern.cli('replay', '--until', '2999-01-01')
  expect(ran.code).toBe(1)
  expect(ran.stderr).toMatch(/postern: \d of \d messages could not be replayed\n$/)
  const failures = linesOf(ran).filter((line) => line.includes(': failed: '))
  expect(failures).toHaveLength(1)
  expect(linesOf(ran).length).toBeGreaterThan(1)
})
