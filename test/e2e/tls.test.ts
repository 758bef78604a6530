/** TLS on the way in: STARTTLS (RFC 3207), what the receipt says of it, and certificates that change. */

import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const directory = mkdtempSync(join(tmpdir(), 'postern-tls-'))
const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') }
const message = Buffer.from('Subject: s\r\n\r\nb\r\n')

let selfSigned: RunningPostern
let configured: RunningPostern
let fingerprint = ''

beforeAll(async () => {
  fingerprint = await writeCertificate()
  selfSigned = await startPostern()
  configured = await startPostern({ config: { smtp: { tls: files } } })
})
afterAll(async () => {
  await stopAll()
  rmSync(directory, { recursive: true, force: true })
})

/** Puts a new pair in place, one file after the other as a person would. Its fingerprint. */
async function writeCertificate(): Promise<string> {
  const pair = await generate([{ name: 'commonName', value: 'mx.example.test' }])
  writeFileSync(files.key, pair.private, { mode: 0o600 })
  writeFileSync(files.cert, pair.cert)
  return new X509Certificate(pair.cert).fingerprint256
}

async function shownBy(postern: RunningPostern): Promise<string> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.command('STARTTLS')
  const found = await client.secure()
  client.destroy()
  return found
}

test('without a certificate of its own Postern speaks TLS, and the stored message says so', async () => {
  const client = await SmtpClient.connect(selfSigned)
  await client.hello()
  await client.startTls()
  await client.command('EHLO client.example.test')
  await client.envelope('sender@example.test', 'you@example.test')
  const { text } = await client.message(message)
  await selfSigned.delivered()
  const found = await (await selfSigned.mailbox()).get(text.slice(3))
  expect(found.receipt.envelope).toMatchObject({
    protocol: 'ESMTPS',
    tls: { version: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_[A-Z0-9_]+$/) },
  })
  // RFC 3848: ESMTPS; RFC 8314 §4.3: the tls clause.
  const received = found.prepended.find(({ name }) => name === 'Received')?.value
  expect(received).toMatch(
    / with ESMTPS id [0-9a-v]{40}\s+for <you@example\.test>\s+tls TLS_[A-Z0-9_]+;/,
  )
})

test('a message in clear text has no tls in its receipt', async () => {
  const client = await SmtpClient.connect(selfSigned)
  await client.hello()
  await client.envelope('sender@example.test', 'you@example.test')
  const { text } = await client.message(message)
  await selfSigned.delivered()
  const { receipt } = await (await selfSigned.mailbox()).get(text.slice(3))
  expect(receipt.envelope.protocol).toBe('ESMTP')
  expect(receipt.envelope).not.toHaveProperty('tls')
})

test('commands sent in clear text behind STARTTLS are thrown away (RFC 3207 §6)', async () => {
  const client = await SmtpClient.connect(selfSigned)
  await client.hello()
  client.write(
    'STARTTLS\r\nEHLO x\r\nMAIL FROM:<injected@example.test>\r\nRCPT TO:<you@example.test>\r\n',
  )
  expect((await client.reply()).code).toBe(220)
  await client.secure()
  // The very next reply is the one to this command: none of the others got one.
  expect(await client.command('RCPT TO:<you@example.test>')).toMatchObject({ code: 503 })
  expect(await client.command('MAIL FROM:<sender@example.test>')).toMatchObject({ code: 503 })
  expect((await client.command('EHLO client.example.test')).code).toBe(250)
})

test('what was said before STARTTLS counts no more (RFC 3207 §4.2)', async () => {
  const client = await SmtpClient.connect(selfSigned)
  await client.hello()
  await client.command('MAIL FROM:<sender@example.test>')
  await client.command('RCPT TO:<you@example.test>')
  await client.startTls()
  expect(await client.command('DATA')).toMatchObject({ code: 503 })
})

test('a handshake that is none costs only its own session', async () => {
  const client = await SmtpClient.connect(selfSigned)
  await client.hello()
  await client.command('STARTTLS')
  client.write('EHLO this is not TLS\r\n'.repeat(10))
  await client.closed()
  expect(await shownBy(selfSigned)).toMatch(/^[0-9A-F:]{95}$/)
})

test('the configured certificate is shown', async () => {
  expect(await shownBy(configured)).toBe(fingerprint)
})

test('a certificate that can’t be used leaves the old one in place and is told', async () => {
  writeFileSync(files.cert, 'not a certificate')
  const { msg } = await configured.logged(({ msg }) => msg.includes("can't be used"))
  expect(msg).toContain(files.cert)
  expect(await shownBy(configured)).toBe(fingerprint)
})

test('a key that everybody can read now leaves the old certificate in place and is told', async () => {
  chmodSync(files.key, 0o644)
  await writeCertificate()
  const { err } = await configured.logged(({ err }) =>
    String(Reflect.get(Object(err), 'message')).includes('everybody can read'),
  )
  expect(err).toMatchObject({ message: `everybody can read ${files.key}: chmod 600 it` })
  expect(await shownBy(configured)).toBe(fingerprint)
  chmodSync(files.key, 0o600)
})

test('a certificate that was replaced is shown without a restart', async () => {
  const { pid } = configured
  const renewed = await writeCertificate()
  await until(async () => (await shownBy(configured)) === renewed)
  expect(configured.pid).toBe(pid)
})
