/** Plugins that go wrong inside a real Haraka: no mail is accepted unchecked, nobody else notices. D§2.5 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { replies } from '../../src/haraka/replies.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const home = mkdtempSync(join(tmpdir(), 'postern-hooks-'))
let haraka: ChildProcess
let place: { host: string; port: number }

beforeAll(async () => {
  const program = join(import.meta.dirname, '../support/haraka-alone.ts')
  haraka = spawn(process.execPath, [program, home], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface(haraka.stdout as Readable)) {
    const [, host = '', port] = /^listening (.*):(\d+)$/.exec(line) ?? []
    place = { host, port: Number(port) }
    if (host !== '') break
  }
  // What it prints from here on nobody reads.
  haraka.stdout?.resume()
})
afterAll(async () => {
  haraka.kill('SIGKILL')
  await once(haraka, 'exit')
  rmSync(home, { recursive: true, force: true })
})

const ourFault = { ...replies.ourFault.reply }

/** The reply of each stage up to the first that is not good. */
async function send(
  client: SmtpClient,
  from: string,
): Promise<[stage: string, code: number, text: string]> {
  const stages = [
    ['mail', `MAIL FROM:<${from}>`],
    ['rcpt', 'RCPT TO:<you@example.test>'],
    ['data', 'DATA'],
    ['message', 'Subject: s\r\n\r\nb\r\n.'],
  ] as const
  for (const [stage, line] of stages) {
    const { code, text } = await client.command(line)
    if (code >= 400 || stage === 'message') return [stage, code, text]
  }
  throw new Error('not reached')
}

const ways = ['throw', 'reject', 'reject_later', 'forget']
const cases = ['mail', 'rcpt', 'data', 'data_post', 'queue'].flatMap((stage) =>
  ways.map((way) => [stage, way] as const),
)

test.for(cases)(
  'at %s, a plugin that does %s gets the client a 451 and the session goes on',
  async ([stage, way]) => {
    const client = await SmtpClient.connect(place)
    await client.hello()
    const told = stage === 'data_post' || stage === 'queue' ? 'message' : stage
    const { code, text } = ourFault
    expect(await send(client, `${stage}-${way}@example.test`)).toEqual([told, code, text])
    await client.command('RSET')
    expect(await send(client, 'good@example.test')).toEqual(['message', 250, 'OK kept'])
    await client.quit()
  },
)

test('the process is still the same', () => {
  expect([haraka.exitCode, haraka.signalCode]).toEqual([null, null])
})
