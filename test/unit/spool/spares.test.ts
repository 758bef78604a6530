/** Files are used again, and hold nothing of the message before. src/spool/spares.ts */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keep, messageIn, Spool, scratch } from './support.ts'

const long = Buffer.alloc(40_000, 'a secret\r\n')
const short = Buffer.from('short\r\n')

const pathOf = (dataDir: string, ...names: string[]): string => join(dataDir, 'spool', ...names)

test('the file of a removed entry is empty soon, and the next message’s', async () => {
  const dataDir = scratch()
  const spool = new Spool(dataDir)
  const first = await keep(spool, long)
  const { ino } = statSync(pathOf(dataDir, 'queue', first))
  await spool.remove(first)
  expect(await spool.read(first)).toBeUndefined()
  await spool.emptied()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  expect(statSync(pathOf(dataDir, 'spare', first))).toMatchObject({ ino, size: 0 })
  // One that has just looked in vain does not look again for a moment.
  const other = new Spool(dataDir)
  const second = await keep(other, short)
  expect(statSync(pathOf(dataDir, 'queue', second)).ino).toBe(ino)
  expect(readFileSync(pathOf(dataDir, 'queue', second), 'latin1')).not.toContain('secret')
  expect(await messageIn(spool, second)).toEqual(short)
  spool.close()
  other.close()
})

test('removed twice is removed', async () => {
  const spool = new Spool(scratch())
  const id = await keep(spool, short)
  await spool.remove(id)
  await spool.remove(id)
  await spool.emptied()
  await spool.remove(id)
  spool.close()
})

test('two processes that take from the same files never have one of them both', async () => {
  const dataDir = scratch()
  const former = new Spool(dataDir)
  const before = await Promise.all(Array.from({ length: 20 }, () => keep(former, long)))
  for (const id of before) await former.remove(id)
  await former.emptied()
  const [one, other] = [new Spool(dataDir), new Spool(dataDir)]
  const kept = new Map<string, Buffer>()
  for (let index = 0; index < 20; index += 1) {
    for (const spool of [one, other]) {
      const message = Buffer.from(`${index} of ${spool === one ? 'one' : 'the other'}\r\n`)
      kept.set(await keep(spool, message), message)
    }
  }
  // Who met too many that the other had does not look again for a moment.
  for (let index = 0; readdirSync(pathOf(dataDir, 'spare')).length > 0; index += 1) {
    const message = Buffer.from(`${index} behind\r\n`)
    kept.set(await keep(other, message), message)
  }
  for (const [id, message] of kept) expect(await messageIn(one, id)).toEqual(message)
  for (const each of [former, one, other]) each.close()
  expect(readdirSync(pathOf(dataDir, 'spare'))).toEqual([])
})

test('no more than some thousands are kept', async () => {
  const dataDir = scratch()
  const spool = new Spool(dataDir)
  const ids = await Promise.all(Array.from({ length: 5 }, () => keep(spool, long)))
  for (let index = 0; index < 4094; index += 1)
    writeFileSync(pathOf(dataDir, 'spare', `s${index}`), '')
  for (const id of ids) await spool.remove(id)
  await spool.emptied()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  expect(readdirSync(pathOf(dataDir, 'spare'))).toHaveLength(4096)
  spool.close()
})

test('what a killed process had no time to empty is deleted by the next, and never emptied by another', async () => {
  const dataDir = scratch()
  const killed = new Spool(dataDir)
  const left = await keep(killed, long)
  await killed.remove(left)
  const next = new Spool(dataDir)
  await next.remove(await keep(next, short))
  await next.emptied()
  expect(readFileSync(pathOf(dataDir, 'done', left)).subarray(0, long.length)).toEqual(long)
  next.removeLeftovers()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  for (const each of [killed, next]) each.close()
})

test('a stop deletes what was not emptied, and a start what a kill has left', async () => {
  const dataDir = scratch()
  const stopped = new Spool(dataDir)
  await stopped.remove(await keep(stopped, long))
  stopped.close()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  const killed = new Spool(dataDir)
  await killed.remove(await keep(killed, long))
  writeFileSync(pathOf(dataDir, 'spare', 'not-fsynced'), long)
  await new Spool(dataDir).removeHalfWritten()
  for (const place of ['done', 'spare']) expect(readdirSync(pathOf(dataDir, place))).toEqual([])
  // Its timer has nothing to do any more.
  await killed.emptied()
  killed.close()
})

test('an entry under the name of another is corrupt, not delivered as that other', async () => {
  const dataDir = scratch()
  const spool = new Spool(dataDir)
  const [one, other] = [await keep(spool, short), await keep(spool, long)]
  renameSync(pathOf(dataDir, 'queue', other), pathOf(dataDir, 'queue', one))
  await expect(spool.read(one)).rejects.toThrow('is another message')
  spool.close()
})
