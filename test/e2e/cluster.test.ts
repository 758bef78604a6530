/** Several SMTP processes, one, and none of its own: mail goes on when one of them dies. D§4 smtp.processes */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient, stuffed } from '../support/smtp-client.ts'

afterEach(stopAll)
afterAll(stopAll)

const large = Buffer.from(`Subject: large\r\n\r\n${`${'l'.repeat(998)}\r\n`.repeat(1000)}`)
const half = large.length / 2

/** Half-received messages on disk, `PID.NUMBER` each. */
const incoming = (postern: RunningPostern): string[] =>
  readdirSync(join(postern.dataDir, 'spool/incoming')).sort()

/** A session in the middle of a message, and the process that has it. */
async function halfWay(postern: RunningPostern): Promise<{ client: SmtpClient; pid: number }> {
  const before = new Set(incoming(postern))
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('sender@example.test', 'you@example.test')
  await client.writeAll(stuffed(large).subarray(0, half))
  const added = (): string | undefined => incoming(postern).find((name) => !before.has(name))
  await until(() => added() !== undefined)
  return { client, pid: Number.parseInt(added() ?? '', 10) }
}

async function finish(postern: RunningPostern, client: SmtpClient): Promise<void> {
  await client.writeAll(stuffed(large).subarray(half))
  const { code, text } = await client.reply()
  expect(code).toBe(250)
  await postern.delivered()
  const { original } = await (await postern.mailbox()).get(text.slice(3))
  expect(Buffer.from(original).equals(large)).toBe(true)
}

test('when one of two processes is killed the other goes on, a new one comes, and nothing half-written stays', async () => {
  const postern = await startPostern({ config: { smtp: { processes: 2 } } })
  const [primary, ...workers] = postern.pids()['smtp'] ?? []
  expect(workers).toHaveLength(2)

  const first = await halfWay(postern)
  let second = await halfWay(postern)
  // The kernel or Node decides who gets a session; in turn, as a rule.
  while (second.pid === first.pid) second = await halfWay(postern)
  expect([first.pid, second.pid].sort()).toEqual(workers.toSorted())

  process.kill(first.pid, 'SIGKILL')
  await first.client.closed()
  await until(() => incoming(postern).every((name) => !name.startsWith(`${first.pid}.`)))
  await finish(postern, second.client)

  await until(() => postern.pids()['smtp']?.length === 3)
  const after = postern.pids()['smtp'] ?? []
  expect(after).toContain(primary)
  expect(after).toContain(second.pid)
  expect(after).not.toContain(first.pid)
  expect(await postern.logged(({ msg }) => msg.includes('another takes its place'))).toMatchObject({
    level: 'error',
    worker: first.pid,
  })

  // The new one works as well.
  const newcomer = after.find((pid) => pid !== primary && pid !== second.pid)
  const sessions: SmtpClient[] = []
  for (;;) {
    const { client, pid } = await halfWay(postern)
    if (pid === newcomer) {
      await finish(postern, client)
      break
    }
    sessions.push(client)
  }
  for (const client of sessions) client.destroy()
  await until(() => incoming(postern).length === 0)
  expect(await postern.stop()).toBe(0)
})

test('with no process of its own for sessions mail is taken as well', async () => {
  const postern = await startPostern({ config: { smtp: { processes: 0 } } })
  expect(postern.pids()['smtp']).toHaveLength(1)
  const { client } = await halfWay(postern)
  await finish(postern, client)
  expect(incoming(postern)).toEqual([])
  expect(await postern.stop()).toBe(0)
})
