/** A spool entry that was cut short or altered on disk is never taken for what was written. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { CorruptEntryError, openEntry } from '../../../src/spool/entry.ts'
import {
  decodeRecord,
  decodeTrailer,
  encodeRecord,
  maxRecordLength,
  trailerLength,
} from '../../../src/spool/record.ts'
import { keep, restOfRecord, Spool, scratch } from './support.ts'

describe('record and trailer', () => {
  test('what was encoded is decoded, whatever the addresses hold', () => {
    const property = fc.property(
      fc.array(fc.string({ unit: 'binary' }), { maxLength: 20 }),
      fc.nat(),
      (recipients, size) => {
        const rest = restOfRecord()
        const envelope = { ...rest.envelope, recipients }
        const record = { ...rest, envelope, size, sha256: 'ab'.repeat(32) }
        const octets = encodeRecord(record)
        const trailer = decodeTrailer(octets.subarray(-trailerLength), size + octets.length)
        if (trailer === 'incomplete') throw new Error('incomplete')
        expect(trailer.messageLength).toBe(size)
        // A lone surrogate has no UTF-8; JSON writes it as an escape.
        expect(decodeRecord(octets.subarray(0, -trailerLength), trailer)).toEqual(record)
      },
    )
    fc.assert(property, { numRuns: 200 })
  })

  test.for(['null', '7', '[]', 'PSTSPL', '{'])(
    'octets %s with a right sum are no record (found by fuzzing)',
    (text) => {
      const json = Buffer.from(text)
      const trailer = { crc: crc32(json), recordLength: json.length, messageLength: 0 }
      expect(decodeRecord(json, trailer)).toBeUndefined()
    },
  )

  test('a record longer than any of ours is not read into memory', () => {
    const octets = encodeRecord({ ...restOfRecord(), size: 0, sha256: '' })
    const trailer = Buffer.from(octets.subarray(-trailerLength))
    trailer.writeUInt32BE(maxRecordLength + 1, 12)
    expect(decodeTrailer(trailer, maxRecordLength + 1 + trailerLength)).toBe('incomplete')
  })
})

describe('an entry on disk', () => {
  const message = Buffer.from('Subject: x\r\n\r\nbody\r\n')
  let octets: Buffer
  const file = join(scratch(), 'entry')

  beforeAll(async () => {
    const dataDir = scratch()
    const spool = new Spool(dataDir)
    const id = await keep(spool, message)
    octets = readFileSync(join(dataDir, 'spool/queue', id))
    spool.close()
  })

  /** What a reader gets of an entry of these octets. */
  async function read(altered: Buffer): Promise<{ pieces: Buffer[]; error: unknown }> {
    writeFileSync(file, altered)
    const pieces: Buffer[] = []
    try {
      const entry = await openEntry(file)
      try {
        for await (const piece of entry.message()) pieces.push(piece)
      } finally {
        await entry.close()
      }
      return { pieces, error: undefined }
    } catch (error) {
      return { pieces, error }
    }
  }

  test('is read as it was written', async () => {
    const { pieces, error } = await read(octets)
    expect(error).toBeUndefined()
    expect(Buffer.concat(pieces)).toEqual(message)
  })

  test('cut at any octet, it is corrupt and gives nothing', async () => {
    for (let length = 0; length < octets.length; length += 1) {
      const { pieces, error } = await read(octets.subarray(0, length))
      expect(error, `cut at ${length}`).toBeInstanceOf(CorruptEntryError)
      expect(pieces).toEqual([])
    }
  })

  test('with any one bit of it flipped, it is corrupt and gives nothing', async () => {
    for (let bit = 0; bit < octets.length * 8; bit += 1) {
      const altered = Buffer.from(octets)
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const { pieces, error } = await read(altered)
      expect(error, `bit ${bit}`).toBeInstanceOf(CorruptEntryError)
      expect(pieces).toEqual([])
    }
  })

  test('with octets put before, between or after, it is corrupt', async () => {
    for (const at of [0, message.length, octets.length - trailerLength, octets.length]) {
      const altered = Buffer.concat([octets.subarray(0, at), Buffer.from('x'), octets.subarray(at)])
      expect((await read(altered)).error).toBeInstanceOf(CorruptEntryError)
    }
  })

  test('a piece of a large message that was altered is found before the last piece is given', async () => {
    const dataDir = scratch()
    const spool = new Spool(dataDir)
    const large = Buffer.alloc(1024 * 1024, 'some text\r\n')
    const id = await keep(spool, large)
    spool.close()
    const whole = readFileSync(join(dataDir, 'spool/queue', id))
    for (const at of [0, 300_000, large.length - 1]) {
      const altered = Buffer.from(whole)
      altered[at] = (altered[at] ?? 0) ^ 1
      const { pieces, error } = await read(altered)
      expect(error).toBeInstanceOf(CorruptEntryError)
      expect(Buffer.concat(pieces).length).toBeLessThan(large.length)
    }
  })
})
