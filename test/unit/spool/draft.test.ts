/** A message on its way into the spool: one whole file when it is committed, none otherwise. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { filesOf, messageIn, openDescriptors, restOfRecord, Spool, scratch } from './support.ts'

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

const sizes = [
  // octets, octets a write, octets that may wait in memory, why
  [0, 1, 64 * KiB, 'an empty message'],
  [1, 1, 64 * KiB, 'the smallest'],
  [64 * KiB, 4096, 64 * KiB, 'the most that waits in memory'],
  [64 * KiB + 1, 4096, 64 * KiB, 'one octet more'],
  [3000 * KiB, 64 * KiB, 64 * KiB, 'larger than the high water mark'],
  [1000, 7, 0, 'nothing may wait in memory'],
] as const

test.for(sizes)('%i octets by %i with %i in memory: %s', async ([size, step, memory]) => {
  const message = octetsOf(size)
  const draft = spool.receive(memory)
  for (let at = 0; at < size; at += step) draft.write(message.subarray(at, at + step))
  const rest = restOfRecord()
  expect(draft.size).toBe(size)
  expect(await draft.commit(rest, () => true)).toBe(true)
  expect(filesOf(dataDir, 'queue')).toEqual([rest.id])
  expect(filesOf(dataDir, 'incoming')).toEqual([])
  const { mode } = statSync(join(dataDir, 'spool/queue', rest.id))
  expect(mode & 0o777).toBe(0o600)
  expect(Buffer.compare(await messageIn(spool, rest.id), message)).toBe(0)
  const entry = await spool.read(rest.id)
  const sha256 = createHash('sha256').update(message).digest('hex')
  expect(entry?.record).toEqual({ ...rest, size, sha256 })
  await entry?.close()
})

test('a small message touches no disk before it is committed, a large one grows in incoming/', async () => {
  const small = spool.receive(64 * KiB)
  small.write(octetsOf(64 * KiB))
  await small.drained()
  expect(filesOf(dataDir, 'incoming')).toEqual([])

  const large = spool.receive(64 * KiB)
  large.write(octetsOf(64 * KiB))
  large.write(octetsOf(1))
  await large.drained()
  const [file] = filesOf(dataDir, 'incoming')
  const { size, mode } = statSync(join(dataDir, 'spool/incoming', file ?? ''))
  expect([size, mode & 0o777]).toEqual([64 * KiB + 1, 0o600])
  large.discard()
  expect(filesOf(dataDir, 'incoming')).toEqual([])
})

test('a sender that is faster than the disk is made to wait, and no longer than until it is written', async () => {
  const draft = spool.receive(64 * KiB)
  while (!draft.congested) draft.write(octetsOf(256 * KiB))
  expect(draft.size).toBeLessThanOrEqual(2048 * KiB)
  await draft.drained()
  expect(draft.congested).toBe(false)
  draft.discard()
})

const states = [
  // what was done before the discard, why
  ['nothing', 'the client left before its first octet'],
  ['small', 'it waits in memory'],
  ['written', 'part of it is in a file'],
  ['writing', 'a write is under way: the descriptor is closed after it, not under it'],
  ['twice', 'reset and disconnect both discard'],
] as const

test.for(states)('discarded after %s, nothing is left: %s', async ([state]) => {
  const draft = spool.receive(64 * KiB)
  if (state !== 'nothing') draft.write(octetsOf(1000))
  if (state !== 'nothing' && state !== 'small') draft.write(octetsOf(100 * KiB))
  if (state === 'written' || state === 'twice') await draft.drained()
  draft.discard()
  if (state === 'twice') draft.discard()
  draft.write(octetsOf(100 * KiB))
  await draft.drained()
  await new Promise((resolve) => setImmediate(resolve))
  expect(filesOf(dataDir, 'incoming')).toEqual([])
  await expect(draft.commit(restOfRecord(), () => true)).rejects.toThrow('discarded')
  expect(filesOf(dataDir, 'queue')).toEqual([])
})

test('when the client is gone at the last moment, nothing is kept and the answer is false', async () => {
  for (const size of [10, 100 * KiB]) {
    const draft = spool.receive(64 * KiB)
    draft.write(octetsOf(size))
    expect(await draft.commit(restOfRecord(), () => false)).toBe(false)
    expect([...filesOf(dataDir, 'incoming'), ...filesOf(dataDir, 'queue')]).toEqual([])
  }
})

test('the client is asked for after the fsync, when nothing can be seen yet', async () => {
  const draft = spool.receive(64 * KiB)
  draft.write(octetsOf(10))
  let seen: string[] = []
  await draft.commit(restOfRecord(), () => {
    seen = [...filesOf(dataDir, 'incoming'), ...filesOf(dataDir, 'queue')]
    return true
  })
  expect(seen).toEqual([`${process.pid}.1`])
})

test('a queue directory that is gone fails the commit and keeps no half of it', async () => {
  const draft = spool.receive(64 * KiB)
  draft.write(octetsOf(100 * KiB))
  rmSync(join(dataDir, 'spool/queue'), { recursive: true })
  await expect(draft.commit(restOfRecord(), () => true)).rejects.toThrow('ENOENT')
  expect(filesOf(dataDir, 'incoming')).toEqual([])
  mkdirSync(join(dataDir, 'spool/queue'))
})

test('many messages at once are each kept whole', async () => {
  const messages = Array.from({ length: 50 }, (_, index) => octetsOf(index * 4000))
  const kept = await Promise.all(
    messages.map(async (message) => {
      const draft = spool.receive(64 * KiB)
      for (let at = 0; at < message.length; at += 1500) draft.write(message.subarray(at, at + 1500))
      const rest = restOfRecord()
      await draft.commit(rest, () => true)
      return rest.id
    }),
  )
  expect(filesOf(dataDir, 'queue')).toEqual([...kept].sort())
  for (const [index, id] of kept.entries()) {
    expect(Buffer.compare(await messageIn(spool, id), messages[index] ?? Buffer.of())).toBe(0)
  }
})
