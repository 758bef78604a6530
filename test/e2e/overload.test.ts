/**
 * More mail than a process can take: what is refused is refused at once, what is taken is taken soon, memory
 * stays, and when it is over it is over. And connections that do nothing. D§2.7 smtp.limits.maxLagMs
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import type { Outcome } from '../support/senders.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const MiB = 1024 * 1024
const maxLagMs = 200

let postern: RunningPostern
let pid = 0

beforeAll(async () => {
  // Nothing is stored, so that the time goes into taking mail.
  const rules = {
    Metadata: { Name: 'default' },
    Rules: [{ Name: 'drop', Enabled: true, Actions: [{ StopAction: { Scope: 'RuleSet' } }] }],
  }
  const smtp = { processes: 1, limits: { maxLagMs } }
  postern = await startPostern({ rules, config: { smtp } })
  // The primary is the first; the one it made takes the mail.
  pid = postern.pids()['smtp']?.[1] ?? 0
})
afterAll(stopAll)

const rss = (): number =>
  Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** See test/support/senders.ts. */
async function senders(rate: number, seconds: number, sessions = 0): Promise<Outcome> {
  const program = join(import.meta.dirname, '../support/senders.ts')
  const where = [postern.host, String(postern.port)]
  const what = [rate, seconds, sessions].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...where, ...what])
  return JSON.parse(stdout) as Outcome
}

const refused = ({ refusedAtConnect, refusedLater }: Outcome): number =>
  refusedAtConnect + refusedLater

test('a thousand idle connections cost little', async () => {
  const before = rss()
  const clients = await Promise.all(Array.from({ length: 1000 }, () => SmtpClient.connect(postern)))
  for (const each of clients) expect((await each.hello()).code).toBe(250)
  const each = (rss() - before) / clients.length
  console.info(`an idle connection: ${(each / 1024).toFixed(1)} KiB`)
  for (const client of clients) client.destroy()
  expect(each).toBeLessThan(64 * 1024)
})

test('with several times the mail it can take, it refuses at once and goes on, and is well right after', async () => {
  await senders(0, 1, 8)
  const { accepted, seconds } = await senders(0, 2, 8)
  const rate = accepted / seconds
  const before = rss()
  // Four times, and not two: how much it can take is not the same from one second to the next.
  const over = await senders(Math.ceil(4 * rate), 4)
  const grown = rss() - before
  const after = await senders(Math.ceil(rate / 4), 2)
  const shown = ({ acceptedMs, refusedMs, ...counts }: Outcome): string =>
    `${counts.accepted} taken in ${acceptedMs.p50}/${acceptedMs.p99} ms, ${refused({ acceptedMs, refusedMs, ...counts })} refused in ${refusedMs.p50}/${refusedMs.p99} ms (p50/p99)`
  console.info(`${rate.toFixed(0)}/s sustained; four times that: ${shown(over)}`)
  console.info(`memory +${(grown / MiB).toFixed(0)} MiB; a quarter, right after: ${shown(after)}`)
  const told = postern.logs().filter(({ reply }) => /busy/.test(String(reply)))
  // At connect and at MAIL, once a minute each.
  expect(told.length).toBeGreaterThan(0)
  expect(told.length).toBeLessThanOrEqual(4)
  expect(over.failed).toBe(0)
  expect(refused(over)).toBeGreaterThan(0)
  expect(over.accepted / over.seconds).toBeGreaterThan(rate / 10)
  expect(over.acceptedMs.p99).toBeLessThan(30 * maxLagMs)
  expect(over.refusedMs.p50).toBeLessThan(10 * maxLagMs)
  expect(grown).toBeLessThan(150 * MiB)
  expect(after.failed).toBe(0)
  expect(refused(after)).toBeLessThan(after.accepted / 4)
})
