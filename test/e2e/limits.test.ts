/** Limits of disk and of patience: what is half received leaves nothing behind. D§2.7, pitfalls P17, P20 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { replies } from '../../src/haraka/replies.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient, stuffed } from '../support/smtp-client.ts'

afterEach(stopAll)

const line = `${'l'.repeat(998)}\r\n`
const large = Buffer.from(`Subject: large\r\n\r\n${line.repeat(1000)}`)

const incoming = (postern: RunningPostern): string[] =>
  readdirSync(join(postern.dataDir, 'spool/incoming'))

async function halfWay(postern: RunningPostern): Promise<SmtpClient> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('sender@example.test', 'you@example.test')
  await client.writeAll(stuffed(large).subarray(0, large.length / 2))
  return client
}

test('below the watermark of free disk MAIL is answered 452 4.3.1, and the session goes on', async () => {
  const minFreeBytes = 1024 ** 5
  const postern = await startPostern({ config: { spool: { minFreeBytes } } })
  const client = await SmtpClient.connect(postern)
  await client.hello()
  const { code, text } = replies.diskLow.reply
  expect(await client.command('MAIL FROM:<sender@example.test>')).toMatchObject({ code, text })
  expect(await client.command('RCPT TO:<you@example.test>')).toMatchObject({ code: 503 })
  expect(await client.command('MAIL FROM:<> SIZE=1')).toMatchObject({ code, text })
  expect(await client.command('NOOP')).toMatchObject({ code: 250 })
})

test('half a message leaves nothing on disk: of a client that disappears, and of one that is refused', async () => {
  const postern = await startPostern()
  const gone = await halfWay(postern)
  await until(() => incoming(postern).length === 1)
  gone.destroy()
  await until(() => incoming(postern).length === 0)

  const refused = await halfWay(postern)
  await until(() => incoming(postern).length === 1)
  await refused.writeAll(Buffer.from(`a\nb\r\n${line.repeat(1000)}.\r\n`))
  expect(await refused.reply()).toMatchObject(replies.bareLf.reply)
  expect(await refused.command('NOOP')).toMatchObject({ code: 250 })
  expect(incoming(postern)).toEqual([])

  const tooLarge = await halfWay(postern)
  for (let sent = 0; sent < 41 * 1024; sent += 1) await tooLarge.writeAll(Buffer.from(line))
  tooLarge.write('.\r\n')
  expect(await tooLarge.reply()).toMatchObject(replies.tooLarge.reply)
  expect(await tooLarge.command('NOOP')).toMatchObject({ code: 250 })
  await until(() => incoming(postern).length === 0)

  // TLS ends elsewhere in Node than TCP does.
  const secure = await SmtpClient.connect(postern)
  await secure.hello()
  await secure.startTls()
  await secure.command('EHLO client.example.test')
  await secure.envelope('sender@example.test', 'you@example.test')
  await secure.writeAll(stuffed(large).subarray(0, large.length / 2))
  await until(() => incoming(postern).length === 1)
  secure.destroy()
  await until(() => incoming(postern).length === 0)
  expect(postern.spooled()).toEqual([])
})

test('a client that falls silent is told 421 4.4.2 and its half message goes', async () => {
  const postern = await startPostern({ config: { smtp: { inactivitySeconds: 1 } } })
  const idle = await SmtpClient.connect(postern)
  await idle.hello()
  const silent = await halfWay(postern)
  const waited = { code: 421, text: '4.4.2 Waited too long for the client' }
  expect(await idle.reply()).toMatchObject(waited)
  expect(await silent.reply()).toMatchObject(waited)
  await Promise.all([idle.closed(), silent.closed()])
  await until(() => incoming(postern).length === 0)
})

test('a stop tells idle sessions 421 4.3.2, lets a message end, and takes no other', async () => {
  const postern = await startPostern()
  const idle = await SmtpClient.connect(postern)
  await idle.hello()
  const busy = await halfWay(postern)
  await until(() => incoming(postern).length === 1)
  const stopped = postern.stop()
  const { code, text } = replies.shuttingDown.reply
  expect(await idle.reply()).toMatchObject({ code, text })
  await busy.writeAll(stuffed(large).subarray(large.length / 2))
  expect((await busy.reply()).text).toMatch(/^OK [0-9a-v]{40}$/)
  expect(await busy.command('MAIL FROM:<sender@example.test>')).toMatchObject({ code, text })
  expect(await stopped).toBe(0)
})
