/**
 * One spool entry is one file: the message as received, then the record as JSON, then a trailer of
 * 24 octets that proves the two before it are whole. The message stands first, so that it can be
 * written while it arrives and read by offset. Pure.
 *
 *   message | record | "PSTSPL" 00 01 (8) | CRC-32 of record (4) | record length (4) | message length (8)
 */
import { crc32 } from 'node:zlib'
import type { KeptMessage } from '../mail/receipt.ts'
import type { PlannedAction } from '../rules/rule-set.ts'

/** What is kept beside the message: all that the delivery worker needs to know. */
export type SpoolRecord = KeptMessage & {
  readonly version: 1
  readonly plan: readonly PlannedAction[]
}

export const trailerLength = 24

/** A record of a thousand recipients is some 100 KiB: more than this is not one of ours. */
export const maxRecordLength = 16 * 1024 * 1024

const magic = Buffer.from('PSTSPL\x00\x01', 'latin1')

/** Record and trailer, to be written right after the message. */
export function encodeRecord(record: SpoolRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record), 'utf8')
  const trailer = Buffer.alloc(trailerLength)
  magic.copy(trailer)
  trailer.writeUInt32BE(crc32(json), 8)
  trailer.writeUInt32BE(json.length, 12)
  trailer.writeBigUInt64BE(BigInt(record.size), 16)
  return Buffer.concat([json, trailer])
}

export type Trailer = {
  readonly crc: number
  readonly recordLength: number
  readonly messageLength: number
}

/** The trailer of a file of `fileLength` octets, or in one word why the file is not a whole entry. */
export function decodeTrailer(trailer: Buffer, fileLength: number): Trailer | 'incomplete' {
  if (trailer.length !== trailerLength || !trailer.subarray(0, 8).equals(magic)) return 'incomplete'
  const recordLength = trailer.readUInt32BE(12)
  const messageLength = Number(trailer.readBigUInt64BE(16))
  const whole = messageLength + recordLength + trailerLength === fileLength
  if (!whole || recordLength > maxRecordLength) return 'incomplete'
  return { crc: trailer.readUInt32BE(8), recordLength, messageLength }
}

/** The record, or `undefined` when its octets are not those that were written. */
export function decodeRecord(json: Buffer, trailer: Trailer): SpoolRecord | undefined {
  if (crc32(json) !== trailer.crc) return undefined
  const record = parsed(json)
  return record?.version === 1 && record.size === trailer.messageLength ? record : undefined
}

/** Octets with a right sum that are no record are none of ours: to be moved aside, not tried for ever. */
function parsed(json: Buffer): SpoolRecord | null | undefined {
  try {
    return JSON.parse(json.toString('utf8')) as SpoolRecord | null
  } catch {
    return undefined
  }
}
