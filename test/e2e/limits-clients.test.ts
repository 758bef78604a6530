/** What one client may take of an SMTP process, and all together, over real sockets. D§2.7 smtp.limits */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { replies } from '../../src/haraka/replies.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { type Reply, SmtpClient } from '../support/smtp-client.ts'

afterAll(stopAll)

/** Nothing is stored: it is about sessions. */
const rules = {
  Metadata: { Name: 'default' },
  Rules: [
    {
      Name: 'drop',
      Enabled: true,
      Recipients: ['example.test'],
      Actions: [{ StopAction: { Scope: 'RuleSet' } }],
    },
  ],
}

const message = Buffer.from('Subject: s\r\n\r\nb\r\n')

async function send(client: SmtpClient): Promise<Reply> {
  await client.envelope('sender@example.test', 'you@example.test')
  return client.message(message)
}

describe('by address', () => {
  /** Others than the first are limited: each test has an address of its own. */
  const limits = {
    exempt: ['127.0.0.1'],
    maxConnections: 20,
    maxConnectionsPerAddress: 3,
    maxConnectionsPerMinute: 30,
    maxMessagesPerMinute: 5,
    maxRecipientsPerMinute: 20,
    maxLagMs: 60_000,
  }
  let postern: RunningPostern

  beforeAll(async () => {
    postern = await startPostern({ rules, config: { smtp: { processes: 1, limits } } })
  })

  const from = (address?: string): Promise<SmtpClient> => SmtpClient.connect(postern, address)

  /** The first reply to `ask` that is not 2yz. In a new minute the count begins anew, once at most. */
  async function refusal(limit: number, ask: () => Promise<Reply>): Promise<[number, Reply]> {
    for (let n = 0; n <= 2 * limit; n += 1) {
      const reply = await ask()
      if (reply.code >= 300) return [n, reply]
    }
    throw new Error('no limit')
  }

  test('a fourth connection of one address is told 421, one of another is not, and each that ends makes room', async () => {
    const three = await Promise.all([1, 2, 3].map(() => from('127.0.0.2')))
    for (const each of three) expect((await each.hello()).code).toBe(250)
    const fourth = await from('127.0.0.2')
    expect(await fourth.reply()).toMatchObject(replies.tooManyConnectionsOfAddress.reply)
    await fourth.closed()
    expect((await (await from('127.0.0.3')).reply()).code).toBe(220)
    // One that has TLS, whose end Haraka tells nobody.
    await three[0]?.startTls()
    three[0]?.destroy()
    await until(async () => {
      const next = await from('127.0.0.2')
      const { code } = await next.reply()
      if (code === 220) three[0] = next
      return code === 220
    })
    for (const each of three) each.destroy()
  })

  test('with all connections taken even an exempt client is told 421, until one ends', async () => {
    const all: SmtpClient[] = []
    let last: Reply
    for (;;) {
      const next = await from()
      last = await next.reply()
      if (last.code !== 220) break
      all.push(next)
    }
    expect(last).toMatchObject(replies.tooManyConnections.reply)
    expect(all.length).toBeGreaterThan(10)
    expect(all.length).toBeLessThanOrEqual(limits.maxConnections)
    for (const each of all) await each.quit()
    await until(async () => {
      const client = await from()
      const { code } = await client.reply()
      client.destroy()
      return code === 220
    })
  })

  test('who connects again and again is told 421, others are served, and the log says it once', async () => {
    const [count, reply] = await refusal(limits.maxConnectionsPerMinute, async () => {
      const client = await from('127.0.0.4')
      const greeting = await client.reply()
      if (greeting.code === 220) await client.quit()
      return greeting
    })
    expect(reply).toMatchObject(replies.tooManyConnectionsOfAddress.reply)
    expect(count).toBeGreaterThanOrEqual(limits.maxConnectionsPerMinute)
    expect((await (await from()).reply()).code).toBe(220)
    const told = (): number =>
      postern.logs().filter(({ ip, what }) => ip === '127.0.0.4' && what === 'connections').length
    await until(() => told() > 0)
    expect(told()).toBe(1)
  })

  test('over the messages of a minute MAIL is 451 4.7.1, and the session goes on', async () => {
    const client = await from('127.0.0.5')
    await client.hello()
    const [count, reply] = await refusal(limits.maxMessagesPerMinute, () =>
      client.command('MAIL FROM:<sender@example.test>'),
    )
    expect(reply).toMatchObject(replies.tooManyMessagesOfAddress.reply)
    expect(count).toBeGreaterThanOrEqual(limits.maxMessagesPerMinute)
    expect((await client.command('NOOP')).code).toBe(250)
    client.destroy()
  })

  test('over the recipients of a minute RCPT is 451 4.7.1, and those before it get the message', async () => {
    const client = await from('127.0.0.6')
    await client.hello()
    await client.command('MAIL FROM:<sender@example.test>')
    const [, reply] = await refusal(limits.maxRecipientsPerMinute, () =>
      client.command('RCPT TO:<you@example.test>'),
    )
    expect(reply).toMatchObject(replies.tooManyRecipientsOfAddress.reply)
    expect((await client.command('DATA')).code).toBe(354)
    expect((await client.message(message)).code).toBe(250)
    client.destroy()
  })
})

describe('by time', () => {
  let postern: RunningPostern

  beforeAll(async () => {
    const limits = { maxSessionSeconds: 5, minBytesPerSecond: 1000, maxLagMs: 60_000 }
    const smtp = { processes: 1, inactivitySeconds: 2, limits }
    postern = await startPostern({ rules, config: { smtp } })
  })

  /** Does `act` every 100 ms until the server says something more, or closes. */
  async function meanwhile(client: SmtpClient, act: () => void): Promise<Reply> {
    const timer = setInterval(act, 100)
    return client.reply().finally(() => clearInterval(timer))
  }

  const greeted = async (): Promise<SmtpClient> => {
    const client = await SmtpClient.connect(postern)
    await client.hello()
    return client
  }

  test.concurrent('a command that comes octet by octet ends the session', async () => {
    const client = await greeted()
    const reply = await meanwhile(client, () => client.write('N'))
    expect(reply).toMatchObject(replies.waitedTooLong.reply)
    await client.closed()
  })

  test.concurrent('a message that comes octet by octet ends the session, one that is quick enough goes on', async () => {
    const slow = await greeted()
    await slow.envelope('sender@example.test', 'you@example.test')
    const quick = await greeted()
    await quick.envelope('sender@example.test', 'you@example.test')
    const line = Buffer.from(`${'q'.repeat(998)}\r\n`)
    const timer = setInterval(() => quick.write(line), 100)
    const reply = await meanwhile(slow, () => slow.write('x'))
    clearInterval(timer)
    expect(reply).toMatchObject(replies.messageTooSlow.reply)
    await slow.closed()
    quick.write('.\r\n')
    expect((await quick.reply()).code).toBe(250)
    quick.destroy()
  })

  test.concurrent('a session that is kept alive by a command now and then ends', async () => {
    const client = await greeted()
    let last: Reply
    do {
      await new Promise((resolve) => setTimeout(resolve, 200))
      last = await client.command('NOOP')
    } while (last.code === 250)
    expect(last).toMatchObject(replies.sessionTooLong.reply)
    await client.closed()
  })

  test.concurrent('a client that begins TLS and says nothing more is closed', async () => {
    const client = await greeted()
    await client.command('STARTTLS')
    await client.closed()
  })

  test.concurrent('a client that keeps its end of the connection and goes on writing loses it', async () => {
    const client = await greeted()
    await client.command('QUIT')
    const timer = setInterval(() => client.write('x'), 100)
    await client.closed()
    clearInterval(timer)
  })
})

test('messages that together are more than the memory there is are 452, the others are taken, and then all are again', async () => {
  const limits = { maxMemoryBytes: 4 * 1024 * 1024, maxLagMs: 60_000 }
  const smtp = { processes: 1, memoryMessageBytes: 1024 * 1024, limits }
  const postern = await startPostern({ rules, config: { smtp } })
  const text = Buffer.from(`Subject: s\r\n\r\n${`${'m'.repeat(998)}\r\n`.repeat(200)}`)
  const clients = await Promise.all(Array.from({ length: 40 }, () => SmtpClient.connect(postern)))
  for (const each of clients) await each.hello()
  // All have begun before the first is large.
  const begun = await Promise.all(
    clients.map((each) => each.envelope('sender@example.test', 'you@example.test')),
  )
  expect(begun.map(({ code }) => code)).toEqual(clients.map(() => 354))
  for (const each of clients) await each.writeAll(text)
  const late = await SmtpClient.connect(postern)
  await late.hello()
  await until(async () => {
    const reply = await late.command('MAIL FROM:<sender@example.test>')
    if (reply.code !== 250) expect(reply).toMatchObject(replies.memoryLow.reply)
    return reply.code !== 250
  })
  for (const each of clients) each.write('.\r\n')
  const answers = await Promise.all(clients.map((each) => each.reply()))
  const taken = answers.filter(({ code }) => code === 250)
  expect(taken.length).toBeGreaterThan(10)
  expect(taken.length).toBeLessThan(30)
  for (const answer of answers) {
    if (answer.code !== 250) expect(answer).toMatchObject(replies.memoryLow.reply)
  }
  for (const each of [late, ...clients]) expect((await send(each)).code).toBe(250)
})
