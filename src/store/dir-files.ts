/** Files that survive a power cut: written whole, linked without overwriting, their folders fsynced. */
import type { Stats } from 'node:fs'
import { link, lstat, mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, PermanentError } from '../errors.ts'

/** Whether a new link was made; false when its place is taken or what it links to is gone. */
export async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw error
  }
}

/** Moves a file, over another if need be; nothing when somebody has moved it already. */
export async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

/** Writes a new file; it is on disk when this returns, its entry in the folder is not. */
export async function writeDurably(
  path: string,
  data: string | AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a folder and what it lies in; the entries are on disk when it returns. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let each = path; ; each = dirname(each)) {
    await syncFolder(dirname(each))
    if (each === first) return
  }
}

/** A new entry survives a power cut only after this. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Undefined when nothing is there. */
export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** S3 has `a` beside `a/b`, a file system has not. */
export function inTheWay(path: string, cause?: unknown): PermanentError {
  return new PermanentError(
    `${path} cannot be made: a directory store cannot hold both an object and others below its key; give the rule another prefix`,
    { cause },
  )
}
