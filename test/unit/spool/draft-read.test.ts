/** Reading a draft before it is committed: what the checks see is what was captured. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Pieces } from '../../../src/mail/captured.ts'
import { messageIn, openDescriptors, restOfRecord, Spool, scratch } from './support.ts'

const KiB = 1024

let dataDir: string
let spool: Spool
let descriptors: number

beforeEach(() => {
  dataDir = scratch()
  spool = new Spool(dataDir)
  descriptors = openDescriptors()
})
afterEach(() => {
  expect(openDescriptors()).toBe(descriptors)
  spool.close()
})

const octetsOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255))
const all = async (source: Pieces) => Buffer.concat(await Array.fromAsync(source))

const sizes = [
  // octets, octets a write, octets that may wait in memory, why
  [0, 1, 64 * KiB, 'an empty message'],
  [5, 1, 64 * KiB, 'small pieces that are gathered'],
  [64 * KiB, 4096, 64 * KiB, 'all in memory'],
  [64 * KiB + 5, 4096, 64 * KiB, 'on disk'],
  [3000 * KiB + 100, 64 * KiB, 64 * KiB, 'the end in memory, the rest on disk'],
  [1000, 7, 0, 'nothing may wait in memory'],
] as const

test.for(sizes)('%i octets by %i with %i in memory: %s', async ([size, step, memory]) => {
  const message = octetsOf(size)
  const draft = spool.receive(memory)
  for (let at = 0; at < size; at += step) draft.write(message.subarray(at, at + step))
  const [one, other] = await Promise.all([all(draft.read()), all(draft.read())])
  expect(Buffer.compare(one, message)).toBe(0)
  expect(Buffer.compare(other, message)).toBe(0)
  const rest = restOfRecord()
  expect(await draft.commit(rest, () => true)).toBe(true)
  expect(Buffer.compare(await messageIn(spool, rest.id), message)).toBe(0)
})

test('what is in memory as a whole is a list, which later octets and the record are no part of', async () => {
  const draft = spool.receive(64 * KiB)
  expect(draft.read()).toEqual([])
  draft.write(octetsOf(5))
  draft.write(octetsOf(1000))
  const pieces = draft.read() as readonly Buffer[]
  draft.write(octetsOf(7))
  await draft.commit(restOfRecord(), () => true)
  expect(Buffer.concat(pieces)).toEqual(Buffer.concat([octetsOf(5), octetsOf(1000)]))
})

test('what is being written, or written, is none', async () => {
  const draft = spool.receive(1000)
  draft.write(octetsOf(2000))
  expect(draft.read()).not.toBeInstanceOf(Array)
  expect(await all(draft.read())).toEqual(octetsOf(2000))
  draft.write(octetsOf(10))
  expect(draft.read()).not.toBeInstanceOf(Array)
  expect(await all(draft.read())).toEqual(Buffer.concat([octetsOf(2000), octetsOf(10)]))
  draft.discard()
})

test('a reader that is left behind lets go of the file', async () => {
  const draft = spool.receive(0)
  draft.write(octetsOf(600 * KiB))
  for await (const piece of draft.read()) {
    expect(piece.length).toBeGreaterThan(0)
    break
  }
  draft.discard()
})

test('a draft that was discarded, or whose file is gone, is not read as an empty message', async () => {
  const discarded = spool.receive(64 * KiB)
  discarded.write(octetsOf(100))
  discarded.discard()
  await expect(all(discarded.read())).rejects.toThrow('discarded')
  const lost = spool.receive(0)
  lost.write(octetsOf(100))
  await lost.drained()
  const incoming = join(dataDir, 'spool/incoming')
  for (const name of readdirSync(incoming)) rmSync(join(incoming, name))
  await expect(all(lost.read())).rejects.toThrow('ENOENT')
  lost.discard()
})
