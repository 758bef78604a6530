/**
 * Puts an object into a directory store, whole or not at all, whatever dies in between:
 *
 *   1. the content, then its sidecar, are written below %tmp and fsynced, under a random name;
 *   2. the sidecar is linked to its place: who links it has the key, everybody else sees it taken;
 *   3. the content is linked to its place: now, and not before, there is an object.
 *
 * Links never overwrite. The sidecar names the content it belongs to, so whoever meets a key that
 * is taken but has no content yet takes step 3 for the other: content and metadata of two racing
 * puts never mix, and a crash after step 2 leaves a key that the next put completes. What a crash
 * leaves below %tmp is no object, is never listed, and is removed a day later by the first put of
 * a store. Not guarded: deleting a key while it is being put.
 */
import { unlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode } from '../errors.ts'
import { exactly } from './content.ts'
import {
  inTheWay,
  linkNew,
  makeFolder,
  removeFiles,
  statOf,
  syncFolder,
  writeDurably,
} from './dir-files.ts'
import { SIDECAR, TEMPORARY } from './dir-names.ts'
import { readSidecar, sidecarOf } from './dir-sidecar.ts'
import { completeAll } from './dir-versions.ts'
import type { PutOptions } from './object-store.ts'

/** Nobody writes one object for so long: an older temporary file belongs to a dead process. */
const STALE_MS = 24 * 60 * 60 * 1000
/** How often a key may be found taken and free again before `put` gives up. */
const ATTEMPTS = 5

export async function putFile(
  root: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<'stored' | 'existed'> {
  const upload = crypto.randomUUID()
  const content = join(root, TEMPORARY, upload)
  const sidecar = JSON.stringify(sidecarOf(options, upload), undefined, 2)
  // A bucket that can't be made (its disk is not mounted, say) may well be there later: transient.
  await makeFolder(dirname(content))
  try {
    await writeDurably(
      [content, exactly(body, options.length)],
      [content + SIDECAR, `${sidecar}\n`],
    )
    await makeKeyFolder(dirname(path))
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const outcome = await publish(root, path, upload)
      if (outcome !== 'lost') return outcome
    }
    throw new Error(`${path} got no place: its files are removed again and again while it is put`)
  } finally {
    removeFiles(content, content + SIDECAR)
  }
}

/** The bucket is there, so what is in the way of a folder in it is another key's object: for good. */
async function makeKeyFolder(path: string): Promise<void> {
  try {
    await makeFolder(path)
  } catch (error) {
    const code = errorCode(error)
    throw code === 'ENOTDIR' || code === 'EEXIST' ? inTheWay(path, error) : error
  }
}

/** Steps 2 and 3. `lost`: the key was taken by a put that cannot be completed, and is free again. */
async function publish(
  root: string,
  path: string,
  upload: string,
): Promise<'stored' | 'existed' | 'lost'> {
  const temporary = join(root, TEMPORARY)
  const ours = linkNew(join(temporary, upload + SIDECAR), path + SIDECAR)
  await syncFolder(dirname(path))
  const named = ours ? upload : (await readSidecar(path))?.upload
  if (named !== undefined) linkNew(join(temporary, named), path)
  await syncFolder(dirname(path))

  const there = statOf(path)
  if (there?.isFile()) {
    if (!ours) return 'existed'
    if (statOf(join(temporary, upload))?.ino === there.ino) return 'stored'
  }
  // Nobody's content: a sidecar alone, or ours beside a file that was copied here, or a folder.
  removeFiles(path + SIDECAR)
  if (there?.isFile()) return 'existed'
  if (there?.isDirectory()) throw inTheWay(path)
  return 'lost'
}

/** Removes what dead processes left below %tmp, but for what they had replaced an object by. */
export async function reclaim(root: string, now = Date.now()): Promise<void> {
  const temporary = join(root, TEMPORARY)
  await makeFolder(temporary)
  const needed = await completeAll(root)
  for (const name of await readdir(temporary)) {
    if (needed.has(name)) continue
    const path = join(temporary, name)
    const found = statOf(path)
    if (found !== undefined && now - found.mtimeMs > STALE_MS) removeFiles(path)
  }
}

/** Removes an object, its content first: a sidecar alone is no object. */
export async function removeFile(path: string): Promise<void> {
  if (!statOf(path)?.isFile()) return
  unlinkSync(path)
  await syncFolder(dirname(path))
  removeFiles(path + SIDECAR)
  await syncFolder(dirname(path))
}
