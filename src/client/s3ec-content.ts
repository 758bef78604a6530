/**
 * The content of an object that an S3 Encryption Client sealed. All of it passes its check before this
 * answers, in memory up to a size: GCM vouches for nothing before its end.
 */
import { concat } from '../seal/bytes.ts'
import { S3ecError } from '../seal/s3ec/error.ts'
import { type Context, type Sealing, sealingOf, whereKeyIs } from '../seal/s3ec/format.ts'
import { openS3ec, requireAllowed } from '../seal/s3ec/open.ts'
import { NoInstructionError } from './errors.ts'
import { explainS3ec } from './explain-s3ec.ts'
import type { Lookahead } from './lookahead.ts'
import {
  ALLOWANCE,
  isMessage,
  MAX_BYTES,
  type OpenSettings,
  type SealedObject,
} from './sealed-object.ts'

export type CheckedContent = {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The encryption context, where KMS has vouched for it. */
  readonly context: Context | undefined
}

/** Undefined for an object that none of these clients sealed. Throws MailboxError. */
export async function s3ecContent(
  object: SealedObject,
  start: Lookahead,
  settings: OpenSettings,
): Promise<CheckedContent | undefined> {
  try {
    const sealing = await findSealing(object)
    if (sealing === undefined) return undefined
    requireAllowed(sealing, settings)
    const { maxBytes = MAX_BYTES } = settings
    if (object.size > maxBytes + ALLOWANCE) throw new S3ecError('too-large')
    const body = await collected(start.from(0), object.size)
    const keys = settings.keys.filter((key) => key.type !== 'nacl')
    const bytes = await openS3ec(sealing, body, keys)
    const byKms = sealing.wrap === 'kms' || sealing.wrap === 'kms+context'
    return { bytes, context: byKms ? sealing.context : undefined }
  } catch (error) {
    throw error instanceof S3ecError ? explainS3ec(error, settings.keys, object.size) : error
  }
}

async function findSealing(object: SealedObject): Promise<Sealing | undefined> {
  const { metadata, instruction } = object
  const where = whereKeyIs(metadata)
  if (where === 'metadata') return sealingOf(metadata)
  // Java leaves nothing on the object: what may be one of its objects is asked about.
  if (where === undefined && isMessage(object)) return undefined
  const beside = await instruction?.()
  if (beside !== undefined) return sealingOf(metadata, beside)
  if (where === undefined) return undefined
  throw new NoInstructionError(
    'The data key of this object is in its instruction file, KEY.instruction, and that is not there: restore it, or give it as `instruction`.',
  )
}

/** A store that gives more or less than it announced gives another object. */
async function collected(
  source: AsyncIterable<Uint8Array>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = []
  let seen = 0
  for await (const piece of source) {
    seen += piece.length
    if (seen > size) throw new S3ecError('content-failed')
    pieces.push(piece)
  }
  if (seen < size) throw new S3ecError('truncated')
  return concat(pieces)
}
