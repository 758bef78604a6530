/**
 * Files of entries that are done, emptied and kept for messages to come. To make a file and to delete it is
 * most of what a small message costs the disk: on ext4 without a journal, which looks at every inode that was freed
 * in the last minutes, 1.9 ms of CPU with its fsyncs; with a file that is there 0.9 ms.
 *
 * A file is emptied only when the directory it was in is on disk without it, some hundred milliseconds after
 * it was given: after a power cut no entry of the queue is one that is empty, or another message. Nothing
 * here is promised to anybody: whatever fails, the file is deleted, or the next start does it.
 */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { DirectorySync } from './directory-sync.ts'
import type { Disk } from './disk.ts'

export type Spares = {
  /** Opens one under the name `path`; `undefined` when there is none. */
  readonly take: (path: string) => number | undefined
  /** Takes an entry's file out of the queue: it is gone from there when this returns. ENOENT when it was not there. */
  readonly give: (path: string) => void
  /** Resolves when what was given is empty, by a process that was killed before it came to that, too. */
  readonly emptied: () => Promise<void>
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
const mostSpare = 512

/** How long it is not looked again for spare files when there were none. */
const lookAgainMs = 50

export function openSpares({ done, spare, queueSync }: SparesPlaces, disk: Disk): Spares {
  /** Names in `spare`, as last seen: another process may have taken them. */
  let seen: string[] = []
  let lookedAt = Number.NEGATIVE_INFINITY
  let given = 0
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

  const emptyOne = (name: string, keep: boolean): void => {
    const [from, to] = [join(done, name), join(spare, name)]
    const kept =
      keep && attempt(() => disk.truncateSync(from)) && attempt(() => disk.renameSync(from, to))
    if (!kept) attempt(() => disk.rmSync(from))
  }

  const empty = async (): Promise<void> => {
    given = 0
    const names = readdirSync(done)
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
      for (let name = seen.pop(); name !== undefined; name = seen.pop()) {
        const from = join(spare, name)
        if (!attempt(() => disk.renameSync(from, path))) continue
        try {
          return disk.openSync(path)
        } catch (error) {
          attempt(() => disk.rmSync(path))
          throw error
        }
      }
      return undefined
    },
    give(path) {
      disk.renameSync(path, join(done, basename(path)))
      given += 1
      if (given === mostWaiting) soon()
      else timer ??= setTimeout(soon, waitMs).unref()
    },
    emptied,
    close() {
      clearTimeout(timer)
      if (given === 0) return
      attempt(() => {
        for (const name of readdirSync(done)) emptyOne(name, false)
      })
    },
  }
}

/** All of them, of a run that is over: what was not fsynced may not be empty. */
export async function removeSpares(
  { done, spare }: Pick<SparesPlaces, 'done' | 'spare'>,
  disk: Disk,
): Promise<void> {
  for (const directory of [done, spare])
    for (const name of readdirSync(directory)) await disk.rm(join(directory, name))
}
