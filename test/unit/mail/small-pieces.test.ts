/**
 * A client that sends octet by octet makes the process hold octets, not an object for each: Node gives
 * every packet a Buffer, some three hundred octets for one of the client's. D§2.7
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, expect, test } from 'vitest'
import { dataReader } from '../../../src/mail/data-reader.ts'
import { directorySync } from '../../../src/spool/directory-sync.ts'
import { Draft } from '../../../src/spool/draft.ts'
import { restOfRecord } from '../../support/record.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const directory = mkdtempSync(join(tmpdir(), 'postern-pieces-'))
const queueSync = directorySync(directory)
afterAll(() => {
  queueSync.close()
  rmSync(directory, { recursive: true, force: true })
})

const count = 100_000
const MiB = 1024 * 1024
const limits = {
  maxMessageBytes: 40 * MiB,
  maxLineBytes: 1_000_000,
  maxHeaderLines: 1000,
  maxHeaderBytes: MiB,
}

/** Octets this process holds after `act` that it did not hold before. */
function held(act: () => void): number {
  collectGarbage()
  const before = process.memoryUsage()
  act()
  collectGarbage()
  const after = process.memoryUsage()
  return after.heapUsed + after.external - before.heapUsed - before.external
}

/** As it comes from a socket: in memory of its own. */
const piece = (octet: number): Buffer => Buffer.from(new Uint8Array([octet]).buffer)

function newDraft(): Draft {
  const file = join(directory, 'draft')
  const spares = { take: () => undefined }
  const places = { file, queue: directory, queueSync, spares, journal: undefined }
  return new Draft({ ...places, memoryBytes: MiB })
}

const octetAt = (at: number): number =>
  at % 1000 < 998 ? 97 + (at % 26) : at % 1000 === 998 ? 13 : 10

test('of a header section', () => {
  const reader = dataReader(limits, () => {})
  const growth = held(() => {
    for (let at = 0; at < count; at += 1) reader.feed(piece(octetAt(at)))
  })
  expect(reader.fault()).toBeUndefined()
  expect(reader.header()).toHaveLength(count)
  expect(growth).toBeLessThan(10 * count)
})

test('of a message that waits in memory', () => {
  const draft = newDraft()
  const growth = held(() => {
    for (let at = 0; at < count; at += 1) draft.write(piece(octetAt(at)))
  })
  expect(draft.size).toBe(count)
  expect(growth).toBeLessThan(10 * count)
  draft.discard()
})

test('and what was gathered is written as it came, whatever the pieces were', async () => {
  const draft = newDraft()
  const sent: Buffer[] = []
  for (let round = 0; round < 2000; round += 1) {
    const octets = Buffer.alloc(1 + ((round * 7919) % 1500), round % 251)
    sent.push(Buffer.from(octets))
    draft.write(octets)
    if (round % 500 === 0) await draft.drained()
  }
  const id = `${'0'.repeat(39)}1`
  const kept = await draft.commit(restOfRecord(id), () => true)
  expect(kept).toBe(true)
  const message = Buffer.concat(sent)
  const file = readFileSync(join(directory, id))
  expect(file.subarray(0, message.length).equals(message)).toBe(true)
})
