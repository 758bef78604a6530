/**
 * A message that Amazon SES stored: it has no receipt, so one is derived from the fields that SES put
 * before it. Length and SHA-256 take the whole message, which is therefore read before anything is
 * given; SES takes 40 MB at most, and its sealed objects can be checked no other way.
 */
import type { Receipt } from '../mail/receipt.ts'
import { concat } from '../seal/bytes.ts'
import type { Context } from '../seal/s3ec/format.ts'
import { MisplacedError, NotPosternError, shown, TooLargeError } from './errors.ts'
import { type Field, headersOf, parseFields } from './fields.ts'
import { atLeast, type Lookahead } from './lookahead.ts'
import { ALLOWANCE, MAX_BYTES } from './sealed-object.ts'
import { type SesBlock, sesBlock } from './ses.ts'
import { sesVerdicts } from './ses-verdicts.ts'
import { newSha256 } from './sha256.ts'

export type SesMessage = {
  readonly receipt: Receipt
  readonly prepended: readonly Field[]
  readonly prependedBytes: Uint8Array
  readonly original: AsyncGenerator<Uint8Array>
}

/** As far as Return-Path and Received must reach, with what AddHeader actions may put before them. */
const TOP = 64 * 1024
const PIECE = 65536

export type SesSettings = {
  /** What KMS vouched for when it gave out the data key: SES puts message id and rule there. */
  readonly context: Context | undefined
  readonly maxBytes: number | undefined
}

/** Undefined where the content does not begin with what SES writes; nothing of it is lost then. Throws MailboxError. */
export async function sesMessage(
  start: Lookahead,
  { context = {}, maxBytes = MAX_BYTES }: SesSettings,
): Promise<SesMessage | undefined> {
  if (sesBlock(await atLeast(start, TOP)) === undefined) return undefined
  const content = await whole(start, maxBytes)
  const block = sesBlock(content)
  if (block === undefined) throw notOfSes()
  requireContext(context, block)
  const original = content.subarray(block.end)
  const prependedBytes = content.slice(0, block.end)
  return {
    receipt: receiptOf(block, original, context['aws:ses:rule-name'] ?? ''),
    prepended: parseFields(prependedBytes).fields,
    prependedBytes,
    original: pieces(original),
  }
}

/** Whether SES sealed it: nobody else has KMS make a data key for these words. */
export function isContextOfSes(context: Context = {}): boolean {
  return context[MESSAGE_ID] !== undefined
}

const MESSAGE_ID = 'aws:ses:message-id'

function receiptOf(block: SesBlock, original: Uint8Array, rule: string): Receipt {
  const { id, time, envelope } = block
  const hash = newSha256()
  hash.update(original)
  return {
    version: 1,
    origin: 'ses',
    id,
    time,
    envelope,
    ruleSet: '',
    rule,
    recipients: envelope.recipients,
    verdicts: sesVerdicts(block, authorsIn(original)),
    size: original.length,
    sha256: hash.hex(),
  }
}

function authorsIn(original: Uint8Array): number {
  return headersOf(original).filter(({ name }) => name.toLowerCase() === 'from').length
}

async function whole(start: Lookahead, maxBytes: number): Promise<Uint8Array> {
  const read: Uint8Array[] = []
  let length = 0
  for await (const piece of start.from(0)) {
    length += piece.length
    if (length > maxBytes + ALLOWANCE) throw tooLarge(maxBytes)
    read.push(piece)
  }
  return concat(read)
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE)
}

function requireContext({ [MESSAGE_ID]: id }: Context, block: SesBlock): void {
  if (id === undefined || id === block.id) return
  throw new MisplacedError(
    `This object was sealed as message ${shown(id)} and holds message ${block.id}: it is not as Amazon SES wrote it. Restore it, and find out who can write to this store.`,
  )
}

/** For content that is not Postern's, and does not begin as SES's does. */
export function notOfSes(): NotPosternError {
  return new NotPosternError(
    'This object holds no message stored by Amazon SES or by Postern: its content begins with the fields of neither. openObject() gives its bytes.',
  )
}

function tooLarge(maxBytes: number): TooLargeError {
  return new TooLargeError(
    `This message of Amazon SES has more than the ${maxBytes} octets that may be held in memory, which its receipt takes: raise maxBytes.`,
  )
}
