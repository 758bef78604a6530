/**
 * Files of entries that are done, emptied and kept for messages to come. To make a file and to delete it is
 * most of what a small message costs the disk: on ext4 without a journal, which looks at every inode that was freed
 * in the last minutes, 1.9 ms of CPU with its fsyncs; with a file that is there 0.9 ms.
 *
 * A file is emptied only when the directory it was in is on disk without it, some hundred milliseconds after
 * it was given: after a power cut no entry of the queue is one that is empty, or another message. Larger ones
 * than are read at once are deleted: who reads one piece by piece must not find another message in it. Nothing
 * here is promised to anybody: whatever fails, the file is deleted, or the next start does it.
 */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { DirectorySync } from './directory-sync.ts'
import type { Disk } from './disk.ts'
import { readAtOnce } from './entry.ts'

export type Spares = {
  /** Opens one under the name `path`; `undefined` when there is none. */
  readonly take: (path: string) => number | undefined
  /** Takes an entry's file out of the queue: it is gone from there when this returns. ENOENT when it was not there. */
  readonly give: (path: string) => void
  /** Resolves when what was given is empty. */
  readonly emptied: () => Promise<void>
  /** Deletes what a process gave that was killed before it was empty. */
  readonly removeLeftovers: () => void
  /** Deletes what was given and is not empty yet. */
  readonly close: () => void
}

export type SparesPlaces = {
  /** Of files that may still hold a message. */
  readonly done: string
  /** Of empty ones. */
  readonly spare: string
  /** The fsync of the directory that files are given from. */
  readonly queueSync: DirectorySync
}

/** For so long, or so many, what was given waits, so that one fsync does for all. */
const waitMs = 200
const mostWaiting = 64

/** More files than this are deleted. */
const mostSpare = 4096

/** Names that are tried for one message. */
const mostTries = 3

/** How long it is not looked again for spare files when there were none. */
const lookAgainMs = 50

export function openSpares({ done, spare, queueSync }: SparesPlaces, disk: Disk): Spares {
  /** Names in `spare`, as last seen: another process may have taken them. */
  let seen: string[] = []
  let lookedAt = Number.NEGATIVE_INFINITY
  /** Names in `done`, of this process. */
  let given: string[] = []
  let emptying: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  const look = (): void => {
    const now = performance.now()
    if (now - lookedAt < lookAgainMs) return
    lookedAt = now
    seen = readdirSync(spare)
  }

  const attempt = (work: () => void): boolean => {
    try {
      work()
      return true
    } catch {
      return false
    }
  }

  // Each process empties its own: truncating is opening and truncating, and what another process has
  // emptied in between may be a message again.
  const emptyOne = (name: string, keep: boolean): void => {
    const [from, to] = [join(done, name), join(spare, name)]
    const kept =
      keep &&
      attempt(() => {
        disk.truncateSync(from)
        disk.renameSync(from, to)
      })
    if (!kept) attempt(() => disk.rmSync(from))
  }

  const empty = async (): Promise<void> => {
    const names = given
    given = []
    if (names.length === 0) return
    const isSafe = await queueSync.sync().then(
      () => true,
      () => false,
    )
    const room = mostSpare - readdirSync(spare).length
    for (const [index, name] of names.entries()) emptyOne(name, isSafe && index < room)
  }

  const emptied = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    while (emptying !== undefined) await emptying
    emptying = empty().finally(() => {
      emptying = undefined
    })
    await emptying
  }
  /** A directory that can't be read is told by those who need it. */
  const soon = (): void => void emptied().catch(() => {})

  return {
    take(path) {
      if (seen.length === 0) look()
      for (let tries = 0; tries < mostTries && seen.length > 0; tries += 1) {
        if (!attempt(() => disk.renameSync(join(spare, any(seen)), path))) continue
        try {
          return disk.openSync(path)
        } catch (error) {
          attempt(() => disk.rmSync(path))
          throw error
        }
      }
      // Others have taken most of those that were seen.
      seen = []
      return undefined
    },
    give(path) {
      if (statSync(path).size > readAtOnce) return disk.rmSync(path)
      const name = basename(path)
      disk.renameSync(path, join(done, name))
      given.push(name)
      if (given.length === mostWaiting) soon()
      else timer ??= setTimeout(soon, waitMs).unref()
    },
    emptied,
    removeLeftovers() {
      for (const name of readdirSync(done)) if (!given.includes(name)) disk.rmSync(join(done, name))
    },
    close() {
      clearTimeout(timer)
      for (const name of given) emptyOne(name, false)
    },
  }
}

/** One of them, taken out: processes that begin with the same names seldom want the same one next. */
function any(names: string[]): string {
  const at = Math.floor(Math.random() * names.length)
  const [name = ''] = names.splice(at, 1, names.at(-1) ?? '')
  names.pop()
  return name
}

/** All of them, of a run that is over: what was not fsynced may not be empty. */
export async function removeSpares(
  { done, spare }: Pick<SparesPlaces, 'done' | 'spare'>,
  disk: Disk,
): Promise<void> {
  for (const directory of [done, spare])
    for (const name of readdirSync(directory)) await disk.rm(join(directory, name))
}
