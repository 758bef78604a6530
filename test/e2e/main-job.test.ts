/** The main job as a newcomer meets it: serve, send, read back. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

let postern: RunningPostern

beforeAll(async () => {
  postern = await startPostern()
})
afterAll(stopAll)

const message = Buffer.from('From: <a@b.test>\r\nSubject: hello\r\n\r\n.dot\r\nbody\r\n')

test('a message that got 250 OK <id> is read back byte for byte with its receipt', async () => {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.startTls()
  await client.command('EHLO client.example.test')
  await client.envelope('sender@example.test', 'you@example.test')
  const { code, text } = await client.message(message)
  expect(code).toBe(250)
  expect(text).toMatch(/^OK [0-9a-v]{40}$/)
  const id = text.slice(3)
  await postern.delivered()
  const found = await (await postern.mailbox()).get(id)
  expect(Buffer.from(found.original)).toEqual(message)
  expect(found.receipt).toMatchObject({
    id,
    rule: 'all',
    recipients: ['you@example.test'],
    envelope: {
      reversePath: 'sender@example.test',
      helo: 'client.example.test',
      protocol: 'ESMTPS',
    },
    size: message.length,
  })
})

test('a kill of every process between 250 and delivery loses nothing', async () => {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('', 'you@example.test')
  const { text } = await client.message(message)
  await postern.killAll()
  postern = await startPostern({ again: postern })
  await postern.delivered()
  const found = await (await postern.mailbox()).get(text.slice(3))
  expect(Buffer.from(found.original)).toEqual(message)
})

test('Ctrl-C ends it with exit code 0', async () => {
  expect(await postern.stop()).toBe(0)
})
