/** Instruction files, KEY.instruction: where S3 encryption clients may keep an object's data key. */
import { S3ecError } from '../seal/s3ec/error.ts'
import { parseInstruction } from '../seal/s3ec/format.ts'
import type { ReadableStore } from '../store/object-store.ts'
import { BadMetadataError } from './errors.ts'
import type { Metadata } from './metadata.ts'

export const INSTRUCTION = '.instruction'

/** Amazon's clients write some hundred octets. */
const LONGEST = 16_384

/** The instruction file beside an object, if there is one. Throws MailboxError for one that is none. */
export async function instructionOf(
  store: ReadableStore,
  key: string,
): Promise<Metadata | undefined> {
  const object = await store.get(key + INSTRUCTION)
  if (object === undefined) return undefined
  try {
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of object.body) {
      length += piece.length
      if (length > LONGEST) throw malformed()
      pieces.push(piece)
    }
    const decoder = new TextDecoder()
    const text = pieces.map((piece) => decoder.decode(piece, { stream: true })).join('')
    return instructionIn(text + decoder.decode())
  } finally {
    object.cancel()
  }
}

/** What an instruction file says, as text, as octets, or taken apart already. */
export function instructionIn(given: string | Uint8Array | Metadata): Metadata {
  const text = given instanceof Uint8Array ? new TextDecoder().decode(given) : given
  if (typeof text !== 'string') return text
  try {
    return parseInstruction(text)
  } catch (error) {
    throw error instanceof S3ecError ? malformed() : error
  }
}

function malformed(): BadMetadataError {
  return new BadMetadataError(
    'The instruction file of this object is not what S3 encryption clients write, one JSON object: restore it from a copy.',
  )
}
