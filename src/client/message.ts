/**
 * From the content of an object to a message: the fields that the server put before it, the receipt
 * among them, and the bytes as received. The receipt says how long those are and what they hash to;
 * both are checked, and where key and metadata contradict the receipt the message is refused.
 */
import type { Receipt } from '../mail/receipt.ts'
import { type Content, openContent } from './content.ts'
import {
  type MailboxError,
  MisplacedError,
  shown,
  TamperedError,
  TruncatedError,
} from './errors.ts'
import { type Field, isWhiteSpace, lineAt, parseFields } from './fields.ts'
import { atLeast, type Lookahead, lookahead } from './lookahead.ts'
import { requireAgreement } from './metadata.ts'
import { jsonLines, notPostern, requireReceipt } from './receipt.ts'
import { isMessage, type OpenSettings, type SealedObject } from './sealed-object.ts'
import { isContextOfSes, notOfSes, type SesMessage, sesMessage } from './ses-message.ts'
import { newSha256 } from './sha256.ts'

/** A message that is being read: see `Mailbox.stream` for what may be assumed before its end. */
export type MessageStream = {
  readonly receipt: Receipt
  /** False for a message that was stored in plaintext: anybody could have written it there. */
  readonly sealed: boolean
  /** The server's fields before the message, the only ones to believe. */
  readonly prepended: readonly Field[]
  /** The same as the bytes that stand before the message. */
  readonly prependedBytes: Uint8Array
  /** The bytes as received, to be read once; throws at the end if they are not the receipt's. */
  readonly original: AsyncIterable<Uint8Array>
  /** Lets go of the store when `original` is not read to its end. */
  readonly cancel: () => Promise<void>
}

/**
 * Bounds the memory for what the server prepended, against an object that is nothing but fields. A
 * receipt of 100,000 recipients, the most that can be configured, stays below.
 */
const LONGEST_PREPENDED = 128 * 1024 * 1024
const LF = 10

/** Throws MailboxError. `key` is where the object was found, if it came from a store. */
export async function openMessageStream(
  object: SealedObject,
  settings: OpenSettings,
  key?: string,
): Promise<MessageStream> {
  const content = await openContent(object, settings)
  const start = lookahead(content.content)
  const cancel = async (): Promise<void> => {
    await start.release()
    await content.release()
  }
  try {
    const ses = settings.legacy ? await fromSes(start, object, content, settings) : undefined
    if (ses !== undefined) {
      requireAgreement(object.metadata, ses.receipt, ses.prependedBytes.length)
      if (key !== undefined) requirePlace(key, ses.receipt)
      return { ...ses, sealed: content.sealed, cancel }
    }
    const { receipt, end } = await readReceipt(start)
    const length = prependedLength(content, receipt, end)
    const prependedBytes = (await atLeast(start, length)).slice(0, length)
    const { fields, end: parsed } = parseFields(prependedBytes)
    if (parsed !== length || prependedBytes[length - 1] !== LF) throw altered()
    requireAgreement(object.metadata, receipt, length)
    if (key !== undefined) requirePlace(key, receipt)
    const original = verified(start.from(length), receipt)
    return { receipt, sealed: content.sealed, prepended: fields, prependedBytes, original, cancel }
  } catch (error) {
    await cancel()
    throw error
  }
}

/**
 * Looked for first: below SES's fields a sender's X-Postern-Receipt is no receipt. Nor is it in an
 * object that Postern can't have written.
 */
async function fromSes(
  start: Lookahead,
  object: SealedObject,
  { sealed, context }: Content,
  { maxBytes }: OpenSettings,
): Promise<SesMessage | undefined> {
  const found = await sesMessage(start, { context, maxBytes })
  const isPosterns = sealed ? !isContextOfSes(context) : isMessage(object)
  if (found === undefined && !isPosterns) throw notOfSes()
  return found
}

/** The first X-Postern-Receipt, above which only the server writes, and where its field ends. */
async function readReceipt(
  start: Lookahead,
): Promise<{ readonly receipt: Receipt; readonly end: number }> {
  let found: ReturnType<typeof jsonLines> | undefined
  for (let at = 0; at < LONGEST_PREPENDED; ) {
    const lineFeed = await findLineFeed(start, at)
    const line = lineAt(start.bytes(), at, lineFeed)
    const continues = isWhiteSpace(line.charCodeAt(0))
    if (found !== undefined && !continues) throw notPostern()
    const field = /^([!-9;-~]+):(.*)/s.exec(line)
    if (found === undefined && !continues && field === null) throw notPostern()
    if (found === undefined && !continues && field?.[1]?.toLowerCase() === 'x-postern-receipt') {
      found = jsonLines()
      if (found.push(field[2] ?? ''))
        return { receipt: requireReceipt(found.value()), end: lineFeed + 1 }
    } else if (found?.push(line)) {
      return { receipt: requireReceipt(found.value()), end: lineFeed + 1 }
    }
    at = lineFeed + 1
  }
  throw notPostern()
}

async function findLineFeed(start: Lookahead, from: number): Promise<number> {
  for (let at = from; ; ) {
    const found = start.bytes().indexOf(LF, at)
    if (found !== -1) return found
    at = start.bytes().length
    if (at > LONGEST_PREPENDED || !(await start.more())) throw notPostern()
  }
}

/** The bytes as received are the last ones, as many as the receipt says; the rest is the server's. */
function prependedLength({ length }: Content, receipt: Receipt, end: number): number {
  const prepended = length - receipt.size
  if (prepended < end) {
    throw new TruncatedError(
      `Part of message ${receipt.id} is missing, it ends too early: restore it from a copy.`,
    )
  }
  if (prepended > LONGEST_PREPENDED) throw altered()
  return prepended
}

function requirePlace(key: string, { id }: Receipt): void {
  if (key === id || key.endsWith(`/${id}`)) return
  throw new MisplacedError(
    `The object at ${shown(key)} is message ${id}: it was moved or put in another's place. Restore it, and find out who can write to this store.`,
  )
}

async function* verified(
  source: AsyncIterable<Uint8Array>,
  receipt: Receipt,
): AsyncGenerator<Uint8Array> {
  const hash = newSha256()
  let seen = 0
  for await (const piece of source) {
    seen += piece.length
    if (seen > receipt.size) throw altered()
    hash.update(piece)
    yield piece
  }
  if (seen !== receipt.size || hash.hex() !== receipt.sha256) throw altered()
}

function altered(): MailboxError {
  return new TamperedError(
    'This message does not fit its receipt, in length or in SHA-256: it was altered or damaged. Restore it from a copy, and find out who can write to this store.',
  )
}
