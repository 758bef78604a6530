/**
 * Every file operation of the spool meets, one by one, each error a disk gives and a power cut (D§2.1): a
 * commit that returned has its entry there whole; one that threw has none, or a whole one that nobody was
 * promised; nothing is left that is in the way of what comes later. With a journal, as SMTP processes commit, and
 * without.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorCode } from '../../../src/errors.ts'
import { noProgress } from '../../../src/spool/progress.ts'
import { seeded } from '../../support/seeded.ts'
import { inMemory } from '../../support/temporary.ts'
import { type Fate, type ModelDisk, modelDisk, type Omitted, powerCut } from './disk-model.ts'
import { bootAgain, filesOf, messageIn, restOfRecord, Spool, scratch } from './support.ts'

const KiB = 1024

/** What a run told the world. */
type Told = {
  /** By id: what a sender was answered 250 for. */
  readonly promised: Map<string, Buffer>
  /** Those whose removal had begun: delivered. */
  readonly delivered: Set<string>
  readonly failures: unknown[]
}

async function commit(spool: Spool, message: Buffer, { promised, failures }: Told) {
  const rest = restOfRecord()
  try {
    const draft = spool.receive(8 * KiB)
    // By pieces, and waiting for the disk between: the large one is in incoming/ before it is whole.
    for (let at = 0; at < message.length; at += 4 * KiB) {
      draft.write(message.subarray(at, at + 4 * KiB))
      if (draft.size % (16 * KiB) === 0) await draft.drained()
    }
    if (await draft.commit(rest, () => true)) promised.set(rest.id, message)
  } catch (error) {
    failures.push(error)
  }
  return rest.id
}

const ways = ['with a journal', 'without a journal'] as const
type Way = (typeof ways)[number]

/** Messages at once and one after another, of which one is delivered, one buried, one brought back. */
async function useSpool(spool: Spool, told: Told): Promise<void> {
  const messages = [100, 40 * KiB, 2000].map((size) => Buffer.alloc(size, `${size}\r\n`))
  await Promise.all(messages.map((each) => commit(spool, each, told)))
  const [delivered, buried] = [...told.promised.keys()]
  const attempt = (work: Promise<unknown>) =>
    work.catch((error: unknown) => void told.failures.push(error))
  if (delivered !== undefined) {
    await attempt(spool.writeProgress(delivered, { ...noProgress, done: [0] }))
    told.delivered.add(delivered)
    await attempt(spool.remove(delivered))
    // Its file is the next message's.
    await attempt(spool.emptied())
    await commit(spool, Buffer.from('in a spare file\r\n'), told)
  }
  const dead = await commit(spool, Buffer.from('given up at once\r\n'), told)
  if (told.promised.has(dead)) await attempt(spool.bury(dead, noProgress))
  // While a message is under way, and one that is not has waited for some time.
  await Promise.all([attempt(spool.settle()), commit(spool, Buffer.from('meanwhile\r\n'), told)])
  if (buried !== undefined) {
    await attempt(spool.bury(buried, noProgress))
    await attempt(spool.unbury(buried))
  }
  await commit(spool, Buffer.from('the last\r\n'), told)
  await attempt(spool.settle())
  await commit(spool, Buffer.from('not settled\r\n'), told)
}

const nothingTold = (): Told => ({ promised: new Map(), delivered: new Set(), failures: [] })

/** Whether the message is in the queue or a dead letter, whole; throws when what is there is not whole. */
async function holds(spool: Spool, id: string, message: Buffer): Promise<boolean> {
  for (const where of ['queue', 'dead'] as const) {
    const entry = await spool.read(id, where)
    if (entry === undefined) continue
    const octets = Buffer.concat(await Array.fromAsync(entry.message()))
    await entry.close()
    return Buffer.compare(octets, message) === 0
  }
  return false
}

/** What is wrong with the spool that a new start finds under `dataDir`, if anything. */
async function problemsAfter(dataDir: string, told: Told): Promise<string[]> {
  const problems: string[] = []
  const spool = new Spool(dataDir)
  await spool.recover(() => true)
  await spool.removeHalfWritten()
  if (readdirSync(join(dataDir, 'spool', 'journal')).length > 0)
    problems.push('journal/ is not empty')
  if (filesOf(dataDir, 'incoming').length > 0) problems.push('incoming/ is not empty')
  for (const [id, message] of told.promised) {
    if (told.delivered.has(id)) continue
    const found = await holds(spool, id, message).catch(() => 'damaged')
    if (found !== true) problems.push(`a promised message is ${found || 'lost'}`)
  }
  for (const id of await Array.fromAsync(spool.ids())) {
    await messageIn(spool, id).catch(() => problems.push('an entry is not whole'))
  }
  const after = nothingTold()
  const id = await commit(spool, Buffer.from('next\r\n'), after)
  if (!after.promised.has(id)) problems.push('the next message is not taken')
  spool.close()
  return problems
}

/** As an SMTP process does: without a journal it goes on as well. */
function openSpool(dataDir: string, disk: ModelDisk['disk'], way: Way, told: Told): Spool {
  const spool = new Spool(dataDir, disk)
  try {
    if (way === 'with a journal') spool.openJournal((error) => told.failures.push(error))
  } catch (error) {
    told.failures.push(error)
  }
  return spool
}

/** A run from the making of the spool on. */
async function run(model: ModelDisk, way: Way, told: Told = nothingTold()): Promise<Told> {
  try {
    const spool = openSpool(join(model.root, 'data'), model.disk, way, told)
    await useSpool(spool, told)
    spool.close()
  } catch (error) {
    told.failures.push(error)
  }
  return told
}

/** The operations of a run in which nothing fails. */
async function operations(way: Way): Promise<readonly string[]> {
  const model = modelDisk()
  const told = await run(model, way)
  expect(told.failures).toEqual([])
  expect(told.promised.size).toBe(8)
  return model.done
}

const codes = [
  // code, why
  ['ENOSPC', 'the disk is full'],
  ['EIO', 'the disk is broken'],
  ['EROFS', 'the kernel has made it read-only after an error'],
  ['EMFILE', 'the process has no descriptor left'],
] as const

describe.for(codes)('%s: %s', ([code]) => {
  const all = ways.flatMap((way) => [false, true].map((lasting) => [way, lasting] as const))
  test.for(all)(
    '%s, met at each operation in turn, and at all after it: %s',
    async ([way, lasting]) => {
      const all = await operations(way)
      for (let at = 1; at <= all.length; at += 1) {
        const model = modelDisk()
        const told = nothingTold()
        const dataDir = join(model.root, 'data')
        const spool = openSpool(dataDir, model.disk, way, told)
        const idle = model.openDescriptors()
        model.fail({ at, code, lasting })
        await useSpool(spool, told)
        model.fail(undefined)
        // What a failure has begun by itself ends first.
        await spool.settle()
        const where = `operation ${at}`
        expect([where, model.openDescriptors()]).toEqual([where, idle])
        expect(told.failures.map(errorCode)).toEqual(told.failures.map(() => code))

        await commit(spool, Buffer.from('after\r\n'), told)
        if (!lasting) {
          // One that was not promised has gone: its sender comes again.
          expect([where, filesOf(dataDir, 'incoming')]).toEqual([where, []])
          const there = [...(await Array.fromAsync(spool.ids())), ...(await spool.deadIds())]
          expect([where, there.filter((id) => !told.promised.has(id))]).toEqual([where, []])
        }
        spool.close()
        expect([where, await problemsAfter(dataDir, told)]).toEqual([where, []])
      }
    },
  )
})

/** All or nothing, or as it comes, of what was not fsynced. */
const fates = {
  'all of it is there: only the process has died': () => ({ name: yes, octets: yes }),
  'nothing of it is there': () => ({ name: no, octets: no }),
  'names are there, octets are not: a journal of names': () => ({ name: yes, octets: no }),
  'octets are there, names are not': () => ({ name: no, octets: yes }),
  'some of it is there': (seed: number) => {
    const random = seeded(seed)
    return { name: () => random() < 0.5, octets: () => random() < 0.5 }
  },
} satisfies Readonly<Record<string, (seed: number) => Fate>>
function yes(): boolean {
  return true
}
function no(): boolean {
  return false
}

/** What is wrong after a power cut at each operation in turn, and after the last one. */
async function problemsOf(
  way: Way,
  fate: (seed: number) => Fate,
  omit?: Omitted,
): Promise<string[]> {
  const problems: string[] = []
  const { length } = await operations(way)
  for (let at = 1; at <= length + 1; at += 1) {
    const model = modelDisk()
    if (omit !== undefined) model.omit(omit)
    model.fail({ at, code: powerCut, lasting: true })
    const told = await run(model, way)
    const next = scratch(inMemory)
    model.afterPowerCut(next, fate(at))
    bootAgain(join(next, 'data'))
    for (const each of await problemsAfter(join(next, 'data'), told))
      problems.push(`cut at operation ${at}, before ${model.done[at - 1]}: ${each}`)
  }
  return problems
}

describe.for(ways)('%s, a power cut at each operation in turn loses nothing promised', (way) => {
  test.for(Object.entries(fates))('of what was not fsynced %s', async ([, fate]) => {
    expect(await problemsOf(way, fate)).toEqual([])
  })
})

test.for(Object.entries(fates))(
  'what was delivered and settled is not there again after a power cut: of what was not fsynced %s',
  async ([, fate]) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const model = modelDisk()
      const told = nothingTold()
      const spool = openSpool(join(model.root, 'data'), model.disk, 'with a journal', told)
      for (const size of [10, 9000]) await commit(spool, Buffer.alloc(size, 'x'), told)
      for (const id of told.promised.keys()) await spool.remove(id)
      await spool.emptied()
      await spool.settle()
      const next = scratch(inMemory)
      model.afterPowerCut(next, fate(seed))
      bootAgain(join(next, 'data'))
      spool.close()
      const after = new Spool(join(next, 'data'))
      expect(await after.recover(() => true)).toBe(0)
      expect(await Array.fromAsync(after.ids())).toEqual([])
      after.close()
    }
  },
)

describe.for(ways)('%s, the model finds an fsync that is left out', (way) => {
  test.for([
    ['fsync of a file', 'names are there, octets are not: a journal of names', 'not whole'],
    ['fsync of a directory', 'octets are there, names are not', 'lost'],
  ] as const)('%s, when %s', async ([omit, fate, found]) => {
    const problems = await problemsOf(way, fates[fate], omit)
    expect(problems.filter((each) => each.endsWith(found)).length).toBeGreaterThan(10)
  })
})
