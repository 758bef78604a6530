/**
 * Reading a spool entry. Every octet is checked against what was written before it is believed: the
 * trailer says whether the entry is whole, the CRC whether the record is, the SHA-256 whether the
 * message is. Reads by offset; memory does not grow with the message.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import {
  decodeRecord,
  decodeTrailer,
  type SpoolRecord,
  type Trailer,
  trailerLength,
} from './record.ts'

/** The entry is on disk but is not what was written; it must be moved aside, never deleted. */
export class CorruptEntryError extends Error {
  override readonly name = 'CorruptEntryError'
}

export type SpoolEntry = {
  readonly record: SpoolRecord
  /** The message as received, from its start each time. Throws `CorruptEntryError` at the end when
   * the octets are not those that were received, so that no reader takes them for whole. */
  readonly message: () => AsyncIterable<Buffer>
  readonly close: () => Promise<void>
}

const readLength = 256 * 1024

/** Opens the entry in the file at `path`; ENOENT when there is none. */
export async function openEntry(path: string): Promise<SpoolEntry> {
  const file = await open(path, 'r')
  try {
    const trailer = await readTrailer(file)
    if (trailer === 'incomplete') throw new CorruptEntryError(`${path} is not a whole spool entry`)
    const json = await readExactly(file, trailer.messageLength, trailer.recordLength)
    const record = decodeRecord(json, trailer)
    if (record === undefined) throw new CorruptEntryError(`the record in ${path} is damaged`)
    return { record, message: () => readMessage(file, path, record), close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readTrailer(file: FileHandle): Promise<Trailer | 'incomplete'> {
  const { size } = await file.stat()
  if (size < trailerLength) return 'incomplete'
  return decodeTrailer(await readExactly(file, size - trailerLength, trailerLength), size)
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const octets = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(octets, filled, length - filled, position + filled)
    if (bytesRead === 0) throw new CorruptEntryError('a spool entry ended early')
    filled += bytesRead
  }
  return octets
}

async function* readMessage(
  file: FileHandle,
  path: string,
  { size, sha256 }: SpoolRecord,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let last: Buffer = Buffer.alloc(0)
  for (let position = 0; position < size; position += last.length) {
    if (position > 0) yield last
    last = await readExactly(file, position, Math.min(readLength, size - position))
    hash.update(last)
  }
  // The last piece is held back until the sum is known: nobody ever gets a whole wrong message.
  if (hash.digest('hex') !== sha256)
    throw new CorruptEntryError(`the message in ${path} is damaged`)
  yield last
}
