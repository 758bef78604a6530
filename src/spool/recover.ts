/**
 * Reading journals that processes left which did not end well. After a kill everything is in the queue and only
 * has to be fsynced; after a power cut a journal may hold the only copy of what was promised. Then each entry of it
 * is put into the queue that is not there, whole: those that had been delivered, too, up to two seconds
 * before. They are delivered once more, and find their own objects.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../errors.ts'
import { isMessageId } from '../mail/message-id.ts'
import { type DirectorySync, directorySync } from './directory-sync.ts'
import { type Disk, writeAllSync } from './disk.ts'
import { CorruptEntryError, entryIn, openEntry, type SpoolEntry } from './entry.ts'
import { bootId, entriesIn, fsyncFile, isBootKnown, parseJournalName } from './journal.ts'

export type RecoverPlaces = {
  readonly journal: string
  readonly incoming: string
  readonly queue: string
  readonly dead: string
  readonly queueSync: DirectorySync
}

/**
 * Empties and removes the journals of processes that are gone, as `isGone` tells of those of this boot. How many entries
 * were put back. Throws the system's error; then what was not recovered is in its journal still.
 */
export async function recoverJournals(
  places: RecoverPlaces,
  disk: Disk,
  isGone: (pid: number) => boolean,
): Promise<number> {
  let restored = 0
  const isOfThisBoot = (name: string): boolean =>
    isBootKnown() && parseJournalName(name)?.boot === bootId()
  const names = readdirSync(places.journal).filter((name) => {
    const of = parseJournalName(name)
    return of !== undefined && (!isOfThisBoot(name) || isGone(of.pid))
  })
  if (names.length === 0) return 0
  for (const name of names) {
    const isSameBoot = isOfThisBoot(name)
    for (const octets of entriesIn(readFileSync(join(places.journal, name)))) {
      const id = await idOf(octets)
      // What is behind a damaged one was promised to nobody.
      if (id === undefined) break
      const target = join(places.queue, id)
      const isThere =
        isSameBoot || (await isWhole(target, id)) || (await isWhole(join(places.dead, id), id))
      if (isThere) await fsyncFile(target, disk)
      else {
        await restore(octets, join(places.incoming, `${id}.restored`), target, disk)
        restored += 1
      }
    }
  }
  await places.queueSync.sync()
  for (const name of names) disk.rmSync(join(places.journal, name))
  // Or the next start would put back what is delivered by then.
  const journals = directorySync(places.journal, disk)
  await journals.sync().finally(journals.close)
  return restored
}

/** `undefined` when the entry is not what was written. */
async function idOf(octets: Buffer): Promise<string | undefined> {
  const read = (position: number, length: number) => octets.subarray(position, position + length)
  return checkedId(() => entryIn('a journal', octets.length, read, async () => {}))
}

async function isWhole(path: string, id: string): Promise<boolean> {
  return (await checkedId(() => openEntry(path))) === id
}

/** Reads an entry to its end. */
async function checkedId(open: () => Promise<SpoolEntry>): Promise<string | undefined> {
  try {
    const entry = await open()
    try {
      for await (const _ of entry.message());
      return isMessageId(entry.record.id) ? entry.record.id : undefined
    } finally {
      await entry.close()
    }
  } catch (error) {
    if (error instanceof CorruptEntryError || errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function restore(octets: Buffer, file: string, target: string, disk: Disk): Promise<void> {
  disk.rmSync(file)
  const descriptor = disk.createSync(file)
  try {
    writeAllSync(disk, descriptor, [octets])
    await disk.fsync(descriptor)
  } finally {
    disk.closeSync(descriptor)
  }
  disk.renameSync(file, target)
}
