/**
 * Mail from many senders at once, each of which does what a mail server does: it sends a message again
 * until it is told 250. And the count afterwards: every id that was told is one object, byte for byte.
 * Loads no vitest: torture/ uses it too.
 */
import { deepEqual } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import type { Mailbox } from '../../src/client/index.ts'
import { type RunningPostern, until } from './postern.ts'
import { SmtpClient } from './smtp-client.ts'

export { messageOf } from './message.ts'
export { freePort } from './port.ts'

type Address = { readonly host: string; readonly port: number }

export type Sent = {
  /** The messages by the id they were answered with: what must be kept. */
  readonly kept: ReadonlyMap<string, Buffer>
  /** By SHA-256, how often a message's end was sent and got no answer: so often it may be there once more. */
  readonly unanswered: ReadonlyMap<string, number>
}

/**
 * Sends each of `messages` in one of `sessions` until it has its 250; `tell` hears how many have. `to`
 * is asked before each connection: a server that is started again may be elsewhere.
 */
export async function sendAll(
  to: () => Address,
  messages: readonly Buffer[],
  { sessions = 4, tell = () => {} }: { sessions?: number; tell?: (count: number) => void } = {},
): Promise<Sent> {
  const kept = new Map<string, Buffer>()
  const unanswered = new Map<string, number>()
  const left = [...messages]
  await Promise.all(Array.from({ length: sessions }, (_, index) => session(index)))
  return { kept, unanswered }

  async function session(index: number): Promise<void> {
    let client: SmtpClient | undefined
    for (let message = left.shift(); message !== undefined; message = left.shift()) {
      for (let id: string | undefined; id === undefined; ) {
        const attempt = { ended: false }
        try {
          client ??= await greeted(to)
          id = await orClosed(client, sendOne(client, index, message, attempt))
          if (kept.has(id)) throw new Refused(`the id ${id} was given twice`)
          kept.set(id, message)
          tell(kept.size)
        } catch (error) {
          if (error instanceof Refused) throw error
          // The session broke or the server was not there: a sender comes again.
          if (attempt.ended) add(unanswered, sum(message), 1)
          client?.destroy()
          client = undefined
        }
      }
    }
    client?.destroy()
  }
}

/** No sender would try again. */
class Refused extends Error {}

/**
 * A session, however often it takes. Node's cluster forgets a connection that it was handing to a
 * process that died: as any sender, this one gives up on a server that does not greet (RFC 5321 §4.5.3.2.1).
 */
async function greeted(to: () => Address): Promise<SmtpClient> {
  for (;;) {
    let client: SmtpClient | undefined
    await until(async () => {
      client = await SmtpClient.connect(to()).catch(() => undefined)
      return client !== undefined
    })
    const found = client as SmtpClient | undefined
    const late = setTimeout(() => found?.destroy(), greetingMs)
    try {
      if (found === undefined) continue
      await orClosed(found, found.hello())
      return found
    } catch {
      // It was the connection that was lost, not the message: the next one.
      found?.destroy()
    } finally {
      clearTimeout(late)
    }
  }
}

const greetingMs = 2000

async function sendOne(
  client: SmtpClient,
  index: number,
  message: Buffer,
  attempt: { ended: boolean },
): Promise<string> {
  await client.envelope(`sender-${index}@example.test`, 'you@example.test')
  attempt.ended = true
  const { code, text } = await client.message(message)
  const id = /^OK ([0-9a-v]{40})$/.exec(text)?.[1]
  // An answer other than 250 promises that nothing is kept.
  attempt.ended = false
  if (code >= 500 || (code === 250 && id === undefined)) throw new Refused(`${code} ${text}`)
  if (id === undefined) throw new Error(`${code} ${text}`)
  return id
}

/** A killed server may leave a write waiting for ever: the end of the session ends it. */
function orClosed<T>(client: SmtpClient, work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    client.closed().then(() => {
      throw new Error('the server closed the connection')
    }),
  ])
}

export type Tally = StoreTally & {
  /** In the spool and the dead letters. */
  readonly left: number
}

export type StoreTally = {
  /** Was told 250 and is not there. */
  readonly lost: number
  /** Is there more often than its sender was told, or may have been told. */
  readonly doubled: number
  /** Is there, and is not what was sent. */
  readonly damaged: number
}

/**
 * Compares what was sent with what is there: every message that was told 250 once, byte for byte, under its
 * id, and beside these only messages whose sender got no answer, as often as that happened.
 */
export async function tally(postern: RunningPostern, ...all: readonly Sent[]): Promise<Tally> {
  const stored = await tallyOf(await postern.mailbox(), ...all)
  return { ...stored, left: postern.spooled().length + postern.dead().length }
}

/** The same of a bucket, whoever fills it. */
export async function tallyOf(mailbox: Mailbox, ...all: readonly Sent[]): Promise<StoreTally> {
  const keys = (await Array.fromAsync(mailbox.list())).map(({ key }) => key)
  const kept = new Map(all.flatMap((each) => [...each.kept]))
  const unanswered = new Map<string, number>()
  for (const each of all) for (const [of, count] of each.unanswered) add(unanswered, of, count)
  const known = new Set(keys)
  let doubled = keys.length - known.size
  let damaged = 0
  for (const key of known) {
    const found = await mailbox.get(key).catch(() => undefined)
    const message = kept.get(key)
    if (found === undefined || found.receipt.id !== key) damaged += 1
    else if (message !== undefined) damaged += message.equals(found.original) ? 0 : 1
    else if (add(unanswered, sum(found.original), -1) < 0) doubled += 1
  }
  const lost = [...kept.keys()].filter((id) => !known.has(id)).length
  return { lost, doubled, damaged }
}

export const nothingWrong: Tally = { lost: 0, doubled: 0, damaged: 0, left: 0 }

export async function expectKept(postern: RunningPostern, ...all: readonly Sent[]): Promise<void> {
  deepEqual(await tally(postern, ...all), nothingWrong)
}

/** Of what was sent to several nodes, in the bucket that they share. */
export async function expectStored(mailbox: Mailbox, ...all: readonly Sent[]): Promise<void> {
  deepEqual(await tallyOf(mailbox, ...all), { lost: 0, doubled: 0, damaged: 0 })
}

function add(counts: Map<string, number>, name: string, count: number): number {
  const sum = (counts.get(name) ?? 0) + count
  counts.set(name, sum)
  return sum
}

function sum(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex')
}

/** Rewrites the configuration of a run for its next start. */
export function reconfigure(
  { configFile }: RunningPostern,
  change: (config: Record<string, unknown>) => Record<string, unknown>,
): void {
  const config = parse(readFileSync(configFile, 'utf8')) as Record<string, unknown>
  writeFileSync(configFile, stringify(change(config)), { mode: 0o600 })
}
