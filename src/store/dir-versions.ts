/**
 * Which version of an object is the one that counts, while content and sidecar are being replaced
 * (dir-replace.ts): the sidecar at the key names a version, and %tmp/VERSION.next, once it is there,
 * the one that has come after it. Nothing else says so, and no version ever comes back, so that
 * whoever meets a replacement that has not been completed may complete it, at any time and at once
 * with others.
 */
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode } from '../errors.ts'
import { moveIfThere, removeFiles, statOf, syncFolder } from './dir-files.ts'
import { pathOf, SIDECAR, TEMPORARY } from './dir-names.ts'
import { readSidecar, type Sidecar } from './dir-sidecar.ts'
import { isKey } from './key.ts'

const NEXT = '.next'

export type Versions = {
  /** Of the sidecar at the key. */
  readonly version: string
  readonly sidecar: Sidecar | undefined
  /** What has replaced it: this counts, and its content is below %tmp until it has its place. */
  readonly next: Sidecar | undefined
}

/** What the files beside the content at `key` say: true of one moment while this ran. */
export async function versionsOf(root: string, key: string): Promise<Versions> {
  const path = join(root, pathOf(key))
  for (;;) {
    const before = statOf(path + SIDECAR)
    const sidecar = await readSidecar(path)
    const version = versionOf(key, sidecar)
    const next = await readSidecar(nextOf(root, version))
    // Read in between, it says what came after just this version: who loses a race takes his back.
    if (sameFile(before, statOf(path + SIDECAR))) return { version, sidecar, next }
  }
}

/** An inode that was freed and is used again has another time. */
function sameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return one?.ino === other?.ino && one?.ctimeMs === other?.ctimeMs
}

/** A file that was copied into the directory has a sidecar without a name, or none. */
export function versionOf(key: string, sidecar: Sidecar | undefined): string {
  return sidecar?.upload ?? createHash('sha256').update(key).digest('hex')
}

/** Where the sidecar of what replaces a version is linked, without its ending. */
export function nextOf(root: string, version: string): string {
  return join(root, TEMPORARY, version + NEXT)
}

/** Gives what replaced the object at `key` its place, if it has not got it yet. */
export async function completeKey(root: string, key: string): Promise<void> {
  const { version, next } = await versionsOf(root, key)
  if (next?.upload === undefined) return
  const path = join(root, pathOf(key))
  const temporary = join(root, TEMPORARY, next.upload)
  // Each name is moved once: who comes late finds it gone, and what is at the key by then stays.
  moveIfThere(temporary, path)
  await syncFolder(dirname(path))
  moveIfThere(temporary + SIDECAR, path + SIDECAR)
  await syncFolder(dirname(path))
  removeFiles(nextOf(root, version) + SIDECAR)
}

/**
 * Completes every replacement that a crash has left. What cannot be completed now (a reader may not
 * write, say) still counts; it answers the names below %tmp that must stay for that.
 */
export async function completeAll(root: string): Promise<ReadonlySet<string>> {
  const needed = new Set<string>()
  for (const name of await namesIn(join(root, TEMPORARY))) {
    if (!name.endsWith(NEXT + SIDECAR)) continue
    const { key, upload = '' } = await sidecarAt(join(root, TEMPORARY, name))
    if (key === undefined || !isKey(key)) continue
    try {
      await completeKey(root, key)
    } catch {
      for (const each of [name, upload, upload + SIDECAR]) needed.add(each)
    }
  }
  return needed
}

async function sidecarAt(path: string): Promise<Partial<Sidecar>> {
  try {
    return (await readSidecar(path.slice(0, -SIDECAR.length))) ?? {}
  } catch {
    return {} // Nothing that could be completed.
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error) ?? '')) return []
    throw error
  }
}
