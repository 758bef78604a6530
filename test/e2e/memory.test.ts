/** The memory of the process that takes mail does not grow with the size of messages. D§2.7, pitfalls P17 */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const MiB = 1024 * 1024
const sessions = 16
/** What one message under way may cost, whatever its size. */
const allowed = 12 * MiB

let postern: RunningPostern
let pid = 0

beforeAll(async () => {
  // Nothing is stored, so that the time goes into taking mail.
  const rules = {
    Metadata: { Name: 'default' },
    Rules: [{ Name: 'drop', Enabled: true, Actions: [{ StopAction: { Scope: 'RuleSet' } }] }],
  }
  postern = await startPostern({ rules, config: { smtp: { processes: 1 } } })
  // The primary is the first; the one it made takes the mail.
  pid = postern.pids()['smtp']?.[1] ?? 0
})
afterAll(stopAll)

function memory(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
}

/** From now on VmHWM is the highest since now (proc(5): clear_refs 5). */
function forgetPeak(): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

const piece = Buffer.from(`${'m'.repeat(998)}\r\n`.repeat(64))
const almost40MiB = Math.floor((40 * MiB - 100) / piece.length)

/** One message of so many pieces, as fast as it is taken. */
async function send(pieces: number): Promise<void> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('sender@example.test', 'you@example.test')
  await client.writeAll(Buffer.from('Subject: large\r\n\r\n'))
  for (let count = 0; count < pieces; count += 1) await client.writeAll(piece)
  client.write('.\r\n')
  expect((await client.reply()).code).toBe(250)
  await client.quit()
}

test(`${sessions} messages of 40 MB at a time cost at most ${allowed / MiB} MB each`, async () => {
  // Small ones: what large ones leave to the garbage collector is to count.
  for (let count = 0; count < 20; count += 1) await send(1)
  const idle = memory('VmRSS')
  forgetPeak()
  await Promise.all(Array.from({ length: sessions }, () => send(almost40MiB)))
  const peak = memory('VmHWM')
  const each = (peak - idle) / sessions
  const shown = (octets: number): string => `${(octets / MiB).toFixed(1)} MiB`
  console.info(`SMTP process: idle ${shown(idle)}, peak ${shown(peak)}, ${shown(each)} a message`)
  expect(each).toBeLessThanOrEqual(allowed)
})
