/**
 * Mail from several senders that come again until they are told 250, as mail servers do; and the audit
 * afterwards: what was told 250 is one object, byte for byte.
 */
import { createHash } from 'node:crypto'
import type { Mailbox } from '../src/client/index.ts'
import { messageOf } from '../test/support/message.ts'
import { SmtpClient } from '../test/support/smtp-client.ts'

type Address = { readonly host: string; readonly port: number }

export type Traffic = {
  /** Digests of the messages by the id they were answered with. */
  readonly kept: ReadonlyMap<string, string>
  /** Digests of messages that ended without an answer: they may be there once more (RFC 1047). */
  readonly unanswered: ReadonlySet<string>
  readonly tally: { sent: number; refused: number }
  /** No further message; resolves when those under way have their answer or gave up. */
  readonly stop: () => Promise<void>
}

type Outcome = 'refused' | 'broken' | 'unanswered' | { readonly id: string }

export type Senders = {
  readonly sessions: number
  readonly random: () => number
  readonly largest: number
}

export function startTraffic(to: () => Address, { sessions, random, largest }: Senders): Traffic {
  const kept = new Map<string, string>()
  const unanswered = new Set<string>()
  const tally = { sent: 0, refused: 0 }
  let going = true
  const all = Promise.all(Array.from({ length: sessions }, session))

  async function session(): Promise<void> {
    while (going) {
      tally.sent += 1
      // Most are small, some are larger than a part of an upload, where those are asked for.
      const message = messageOf(Math.ceil(largest ** (0.6 + 0.4 * random())), tally.sent)
      const sum = digestOf(message)
      while (going) {
        const outcome = await sendOnce(to(), message).catch((): Outcome => 'broken')
        if (typeof outcome === 'object') {
          kept.set(outcome.id, sum)
          break
        }
        if (outcome === 'refused') tally.refused += 1
        if (outcome === 'unanswered') unanswered.add(sum)
        await new Promise((resolve) => setTimeout(resolve, 50 + 200 * random()))
      }
    }
  }

  return {
    kept,
    unanswered,
    tally,
    async stop() {
      going = false
      await all
    },
  }
}

async function sendOnce(to: Address, message: Buffer): Promise<Outcome> {
  const client = await SmtpClient.connect(to)
  const late = setTimeout(() => client.destroy(), 60_000)
  try {
    await client.hello()
    const commands = [`MAIL FROM:<> SIZE=${message.length}`, 'RCPT TO:<you@example.test>', 'DATA']
    for (const each of commands) if ((await client.command(each)).code >= 400) return 'refused'
    const reply = await Promise.race([client.message(message), client.closed()]).catch(() => {})
    if (reply === undefined) return 'unanswered'
    const id = /^OK ([0-9a-v]{40})$/.exec(reply.text)?.[1]
    return id === undefined ? 'refused' : { id }
  } finally {
    clearTimeout(late)
    client.destroy()
  }
}

function digestOf(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex')
}

export type Audit = { readonly lost: readonly string[]; readonly doubled: readonly string[] }

/** Reads every object: the ids that are not there, or are not what was sent; the objects too many. */
export async function audit(mailbox: Mailbox, { kept, unanswered }: Traffic): Promise<Audit> {
  const keys = (await Array.fromAsync(mailbox.list())).map(({ key }) => key)
  const there = new Set(keys)
  const lost = [...kept.keys()].filter((id) => !there.has(id))
  const doubled: string[] = []
  for (const key of keys) {
    const sum = digestOf((await mailbox.get(key)).original)
    const expected = kept.get(key)
    if (expected === undefined && !unanswered.has(sum)) doubled.push(key)
    if (expected !== undefined && expected !== sum) lost.push(key)
  }
  return { lost, doubled }
}

/** Resolves with whether it came true in time. */
export async function inTime(seconds: number, condition: () => boolean): Promise<boolean> {
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    if (condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return condition()
}

export type Result = Audit & {
  readonly faults: string
  readonly traffic: Traffic
  readonly dead: number
  readonly left: number
}

/** The line of figures; how many things went wrong. */
export function report(
  part: string,
  { faults, traffic, lost, doubled, dead, left }: Result,
): number {
  const { kept, unanswered, tally } = traffic
  const figures = {
    sent: tally.sent,
    acknowledged: kept.size,
    refused: tally.refused,
    unanswered: unanswered.size,
    lost: lost.length,
    doubled: doubled.length,
    'dead letters': dead,
    'left in the spool': left,
  }
  const text = Object.entries(figures).map(([name, count]) => `${name} ${count}`)
  process.stdout.write(`${part}: ${faults}\n${part}: ${text.join(', ')}\n`)
  for (const id of lost) process.stdout.write(`${part}: lost ${id}\n`)
  for (const id of doubled) process.stdout.write(`${part}: doubled ${id}\n`)
  return lost.length + doubled.length + dead + left
}
