/**
 * How mail is shown. Lines are for terminals, so what came from the network is made printable; a
 * message itself is written as it is, octet for octet.
 */
import { once } from 'node:events'
import type { Item, Mailbox } from '../client/index.ts'
import { verdictNames } from '../mail/verdict.ts'
import { printable, printJson } from './context.ts'

/** What of a message is asked for: all that was stored, the bytes as received, the receipt, all as JSON. */
export type Form = 'stored' | 'original' | 'receipt' | 'json'

export type FormOptions = {
  readonly original?: boolean
  readonly receipt?: boolean
  readonly json?: boolean
}

export function formOf({ original, receipt, json }: FormOptions): Form | undefined {
  if (original === true) return 'original'
  if (receipt === true) return 'receipt'
  return json === true ? 'json' : undefined
}

/** Key, time, size and verdicts in columns that do not depend on the other lines. */
export function lineOf({ key, time, size, verdicts }: Item): string {
  const words = new Set(verdictNames.map((name) => verdicts[name]))
  const policy = verdicts.dmarcPolicy === undefined ? '' : ` (policy ${verdicts.dmarcPolicy})`
  const said =
    words.size === 1
      ? `all ${verdicts.spf}`
      : verdictNames.map((name) => `${name}=${verdicts[name]}`).join(' ')
  return [printable(key), printable(time), String(size).padStart(9), said + policy].join('  ')
}

/** An item as a program reads it: exactly these fields. */
export function printItem({ id, key, time, size, verdicts }: Item): void {
  printJson({ id, key, time, size, verdicts })
}

/**
 * Writes one message to standard output in the form asked for. A message that turns out to be
 * damaged ends in an error that says so; what was written by then is its beginning.
 */
export async function writeMessage(mailbox: Mailbox, key: string, form: Form): Promise<void> {
  if (form === 'json') return writeJson(mailbox, key)
  const message = await mailbox.stream(key)
  let written = 0
  try {
    if (form === 'stored') written += await write(message.prependedBytes)
    // The receipt is printed when all of it is known to fit.
    for await (const piece of message.original) {
      if (form !== 'receipt') written += await write(piece)
    }
  } catch (error) {
    if (written === 0) throw error
    throw new Error('What was written is not the whole message', { cause: error })
  } finally {
    await message.cancel()
  }
  if (form === 'receipt') printJson(message.receipt)
}

async function writeJson(mailbox: Mailbox, key: string): Promise<void> {
  const { receipt, sealed, prepended, headers, original } = await mailbox.get(key)
  const base64 = Buffer.from(original).toString('base64')
  printJson({ id: receipt.id, key, sealed, receipt, prepended, headers, original: base64 })
}

async function write(bytes: Uint8Array): Promise<number> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
  return bytes.length
}
