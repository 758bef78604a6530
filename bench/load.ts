/**
 * Load: one message file, sent again and again, the same to all. By Postfix's smtp-source(1), which costs
 * little; by our own client (client.ts) where that can't.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Order, Sent } from './client.ts'
import { type Messages, newSigner } from './signed-mail.ts'

export type Load = {
  readonly sessions: number
  /** Many messages on a connection; else a new connection for each. */
  readonly kept: boolean
  readonly octets: number
  /** STARTTLS, a whole handshake on each connection. */
  readonly tls?: true
}

export type Mail = {
  /** Removed at the end. */
  readonly directory: string
  /** What the name server has to answer. */
  readonly zones: Messages['zones']
  /** A file that holds a signed message of so many octets, but for a few; the same one when asked again. */
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
    directory,
    zones: signer.zones,
    async file(octets) {
      const known = made.get(octets)
      if (known !== undefined) return known
      const path = join(directory, String(octets))
      // With LF: smtp-source makes CRLF of it, and doubles the dots.
      writeFileSync(
        path,
        (await messageOf(signer, octets)).toString('latin1').replaceAll('\r\n', '\n'),
      )
      made.set(octets, path)
      return path
    },
    stop: () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function messageOf(signer: Messages, octets: number): Promise<Buffer> {
  const { signed } = await signer.make(octets)
  // Base64 grows by four: what is over is header and signature.
  const less = await signer.make(octets - (signed.length - octets))
  return less.signed
}

/** Seconds that it took until all were taken. Throws when one was not. */
export async function send(
  port: number,
  file: string,
  { sessions, kept, tls }: Load,
  messages: number,
): Promise<number> {
  const many = Math.min(sessions, messages)
  if (tls) return (await order({ port, file, tls, kept, messages, sessions: many })).seconds
  const args = [
    ...(kept ? ['-d'] : []),
    ...['-s', String(many), '-m', String(messages), '-F', file],
    ...['-f', sender, '-t', recipient, '-M', 'client.good.test', `127.0.0.1:${port}`],
  ]
  const began = performance.now()
  await run('/usr/sbin/smtp-source', args)
  return (performance.now() - began) / 1000
}

type Without<T, Key> = T extends unknown ? Omit<T, Key & keyof T> : never

/** What client.ts did. */
export async function order(what: Without<Order, 'from' | 'to'>): Promise<Sent> {
  const text = JSON.stringify({ ...what, from: sender, to: recipient })
  const client = join(import.meta.dirname, 'client.ts')
  return JSON.parse(await run(process.execPath, [client, text])) as Sent
}

async function run(command: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 64 * 1024 * 1024 })
    return stdout
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : error
    throw new Error(`${basename(command)}: ${words}`)
  }
}
