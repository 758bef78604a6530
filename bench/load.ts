/** Load by Postfix's smtp-source(1), which costs little and is the same for all: a message file, sent again and again. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Messages, newSigner } from './signed-mail.ts'

export type Load = {
  readonly sessions: number
  /** Many messages on a connection; else a new connection for each. */
  readonly kept: boolean
  readonly octets: number
}

export type Mail = {
  /** What the name server has to answer. */
  readonly zones: Messages['zones']
  /** A file that holds a signed message of exactly so many octets on the wire; the same one when asked again. */
  readonly file: (octets: number) => Promise<string>
  readonly stop: () => void
}

export const sender = 'a@good.test'
export const recipient = 'you@example.test'

export function newMail(): Mail {
  const directory = mkdtempSync(join(tmpdir(), 'postern-bench-mail-'))
  const signer = newSigner()
  const made = new Map<number, string>()
  return {
    zones: signer.zones,
    async file(octets) {
      const known = made.get(octets)
      if (known !== undefined) return known
      const path = join(directory, String(octets))
      // With LF: smtp-source makes CRLF of it, and doubles the dots.
      writeFileSync(
        path,
        (await exactly(signer, octets)).toString('latin1').replaceAll('\r\n', '\n'),
      )
      made.set(octets, path)
      return path
    },
    stop: () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function exactly(signer: Messages, octets: number): Promise<Buffer> {
  const { signed } = await signer.make(octets)
  // Base64 grows by four: what is over is header and signature.
  const less = await signer.make(octets - (signed.length - octets))
  return less.signed
}

/** Seconds that it took until all were taken. Throws when one was not. */
export async function send(
  port: number,
  file: string,
  { sessions, kept }: Load,
  messages: number,
): Promise<number> {
  const args = [
    ...(kept ? ['-d'] : []),
    ...['-s', String(Math.min(sessions, messages)), '-m', String(messages), '-F', file],
    ...['-f', sender, '-t', recipient, '-M', 'client.good.test', `127.0.0.1:${port}`],
  ]
  const began = performance.now()
  const child = spawn('/usr/sbin/smtp-source', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text
  })
  const code = await new Promise((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', reject)
  })
  if (code !== 0) throw new Error(`smtp-source: ${words.trim()}`)
  return (performance.now() - began) / 1000
}
