/** `virus.clamd: auto` on a machine without a running clamd: one of our own, which promises no more than it can. */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eicar } from '../../src/verdicts/clamd-own.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

/** Of all tests but the last; the one before that stops it. */
let postern: RunningPostern
beforeAll(async () => {
  postern = await start()
})
afterAll(stopAll)

const attachment = (octets: string): Buffer =>
  Buffer.from(
    `From: <a@b.test>\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(octets).toString('base64')}\r\n`,
  )

async function virusOf(postern: RunningPostern, message: Buffer) {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('a@b.test', 'you@example.test')
  const { text } = await client.message(message)
  await postern.delivered()
  return (await (await postern.mailbox()).get(text.slice(3))).receipt.verdicts.virus
}

const start = () => startPostern({ config: { virus: { clamd: 'auto' } } })

/** `unix:/…` as the banner tells it. */
const socketOf = (postern: RunningPostern): string =>
  /clamd at unix:(\S+)/.exec(postern.output())?.[1] ?? ''

const official = existsSync('/var/lib/clamav/main.cvd') || existsSync('/var/lib/clamav/main.cld')

test.skipIf(official)(
  'without official signatures it says so loudly, finds the test virus, and calls nothing clean (skipped where freshclam has been)',
  async () => {
    expect(postern.output()).toContain('TEST SIGNATURES ONLY')
    await postern.logged(({ msg }) => msg.includes('two test signatures only'))
    expect(await virusOf(postern, attachment(eicar))).toMatchObject({ verdict: 'FAIL' })
    expect(await virusOf(postern, attachment('harmless'))).toMatchObject({
      verdict: 'GRAY',
      reason: 'test-signatures-only',
    })
  },
)

test('postern send makes messages for trying it', async () => {
  const server = `${postern.host}:${postern.port}`
  const { stdout } = await postern.cli(
    'send',
    '--server',
    server,
    '--to',
    'you@example.test',
    '--virus',
    '--spam',
  )
  const id = /OK (\S+)/.exec(stdout)?.[1] ?? ''
  await postern.delivered()
  const { receipt } = await (await postern.mailbox()).get(id)
  expect(receipt.verdicts.virus.verdict).toBe('FAIL')
})

test('it is started again when it dies, and is gone when Postern is', async () => {
  const [pid = 0] = postern.pids()['clamd'] ?? []
  process.kill(pid, 'SIGKILL')
  await postern.logged(({ msg }) => msg.startsWith('The clamd process died'))
  await until(async () => (await fetch(`${postern.http}/readyz`)).status === 200)
  expect(await virusOf(postern, attachment(eicar))).toMatchObject({ verdict: 'FAIL' })
  const [again = 0] = postern.pids()['clamd'] ?? []
  const socket = socketOf(postern)
  expect(existsSync(socket)).toBe(true)
  await postern.stop()
  expect(existsSync(socket)).toBe(false)
  expect(() => process.kill(again, 0)).toThrow('ESRCH')
})

test('when everything is killed at once it dies too, and the next start has its own', async () => {
  const first = await start()
  const [pid = 0] = first.pids()['serve'] ?? []
  const [clamd = 0] = first.pids()['clamd'] ?? []
  process.kill(pid, 'SIGKILL')
  await until(() => {
    try {
      process.kill(clamd, 0)
      return false
    } catch {
      return true
    }
  })
  await first.killAll()
  const next = await startPostern({ again: first })
  expect(await virusOf(next, attachment(eicar))).toMatchObject({ verdict: 'FAIL' })
})
