/** A bounce message on its way: octet by octet as it was written, through kills, and while nobody listens. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { deliveryStatusNotification } from '../../src/mail/dsn.ts'
import { arrived, bounce, queued, send, startSendersServer } from '../support/bounces.ts'
import { freePort } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'

// Whole servers are started in each, on a machine that others use.
vi.setConfig({ testTimeout: 240_000 })
afterEach(stopAll)

const store = { S3Action: { BucketName: 'inbox' } }
const rules = {
  Metadata: { Name: 'default' },
  Rules: [
    { Name: 'all', Enabled: true, Recipients: ['example.test'], Actions: [store] },
    {
      Name: 'closed',
      Enabled: true,
      Recipients: ['closed@example.test'],
      Actions: [bounce('550', '5.2.1', 'Closed')],
    },
  ],
}
const both = ['open@example.test', 'closed@example.test']

function startBouncing(relayPort: number, processes = 1): Promise<RunningPostern> {
  const config = { bounces: { relay: `127.0.0.1:${relayPort}` }, delivery: { processes } }
  return startPostern({ rules, config })
}

/** Message-ID and Date of a bounce message: all in it that a test can't know. */
function stamped(message: Uint8Array): { id: string; date: Date } {
  const text = Buffer.from(message).toString('latin1')
  const fieldOf = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'm').exec(text)?.[1] ?? ''
  return { id: fieldOf('Message-ID'), date: new Date(fieldOf('Date')) }
}

/** What Haraka's queue has behind its own record, where it stands with its dots doubled. */
function queuedMessage(file: string): string {
  const octets = readFileSync(file)
  const text = octets.subarray(4 + octets.readUInt32BE(0)).toString('latin1')
  return text.replace(/^\.\./gm, '.')
}

/** Plays the minute that Haraka waits: the next attempt stands in the file's name. */
function nextAttemptNow(file: string): void {
  const [arrival, , ...rest] = basename(file).split('_')
  renameSync(file, join(dirname(file), [arrival, Date.now(), ...rest].join('_')))
}

const header = Buffer.from(
  'From: ann@sender.test\r\n.Dot: .\r\nSubject: caf\xe9\r\nMessage-ID: <1@sender.test>\r\n',
  'latin1',
)
const message = Buffer.concat([header, Buffer.from('\r\nHello.\r\n')])

test('it arrives as it was written, with the null reverse-path', async () => {
  const sender = await startSendersServer()
  const postern = await startBouncing(sender.port)
  const replies = await send(postern, '<ann@sender.test>', both, message)
  const id = replies.at(-1)?.text.replace('OK ', '') ?? ''
  const [found] = await arrived(sender, 1)
  if (found === undefined) throw new Error('nothing came')
  expect(found.receipt.envelope).toMatchObject({
    reversePath: '',
    recipients: ['ann@sender.test'],
    tls: { version: 'TLSv1.3' },
  })

  const mailbox = await postern.mailbox()
  const { receipt } = await mailbox.get(id)
  const { id: messageId, date } = stamped(found.original)
  expect(messageId).toBe(`<bounce-${id}-1@mx.example.test>`)
  expect(Math.abs(date.getTime() - Date.parse(receipt.time))).toBeLessThan(60_000)
  const written = deliveryStatusNotification({
    hostname: 'mx.example.test',
    sender: 'desk@example.test',
    receipt: { ...receipt, recipients: ['closed@example.test'] },
    reply: { code: '550', status: '5.2.1', text: 'Closed' },
    header,
    time: date,
    messageId: `bounce-${id}-1`,
  })
  expect(Buffer.from(found.original).toString('latin1')).toBe(written.toString('latin1'))
  expect(await postern.logged(({ msg }) => msg === 'Bounce message delivered')).toMatchObject({
    level: 'info',
    to: ['ann@sender.test'],
  })
  await until(() => queued(postern).length === 0)
})

test('an address beyond ASCII is reached with SMTPUTF8 (RFC 6531)', async () => {
  const sender = await startSendersServer()
  const postern = await startBouncing(sender.port)
  const replies = await send(postern, '<jürgen@bücher.test> SMTPUTF8', both, message)
  expect(replies.at(-1)?.code).toBe(250)
  const [found] = await arrived(sender, 1)
  expect(found?.receipt.envelope).toMatchObject({
    reversePath: '',
    recipients: ['jürgen@bücher.test'],
    protocol: 'UTF8SMTPS',
  })
  expect(Buffer.from(found?.original ?? '').toString('utf8')).toContain(
    '\r\nTo: <jürgen@bücher.test>\r\n',
  )
})

test('a relay that is down only delays it; kill -9 in between and fewer workers lose nothing', async () => {
  const port = await freePort()
  const first = await startBouncing(port, 2)
  const sent = 3
  for (let count = 0; count < sent; count += 1)
    await send(first, '<ann@sender.test>', both, message)
  const all = (): string[] => [0, 1].flatMap((worker) => queued(first, worker))
  const waits = () => first.logs().filter(({ msg }) => msg === 'Bounce message waits')
  await until(() => waits().length === sent)
  expect(waits()[0]).toMatchObject({ level: 'warn', to: ['ann@sender.test'] })
  // The mail itself is done: the bounce messages are Haraka's.
  await first.delivered()
  await first.killAll()
  expect(all()).toHaveLength(sent)
  const written = all().map(queuedMessage)
  // Whichever of them took them: they are left to a worker that the next run has not.
  const left = join(first.dataDir, 'outbound/1/queue')
  for (const file of all()) nextAttemptNow(file)
  mkdirSync(left, { recursive: true })
  for (const file of queued(first, 0)) renameSync(file, join(left, basename(file)))

  const sender = await startSendersServer(port)
  const settings = readFileSync(first.configFile, 'utf8')
  writeFileSync(first.configFile, settings.replace('processes: 2', 'processes: 1'))
  const again = await startPostern({ again: first })
  const found = await arrived(sender, sent)
  const originals = found.map(({ original }) => Buffer.from(original).toString('latin1'))
  expect(originals.sort()).toEqual(written.sort())
  await until(() => all().length === 0)
  expect(again.logs().filter(({ level }) => level === 'error')).toEqual([])
})
