/**
 * Replaces an object in a directory store, content and metadata at once or metadata alone:
 *
 *   1. the new content, if any, then its sidecar, are written below %tmp and fsynced, under a random name;
 *   2. the sidecar is linked as what comes after the version that was read: now, and not before, the new
 *      object counts, and its readers find its content where it is (dir-versions.ts, dir-read.ts);
 *   3. the content is moved to its place, then the sidecar to its own, then the link is removed.
 *
 * Links never overwrite, so of two replacements of one version the first wins. A crash before step 2
 * leaves the old object and what `reclaim` removes; one after it leaves the new object, which the next
 * replacement, delete or listing completes. Not guarded: deleting a key in the moment it is replaced.
 */
import { join } from 'node:path'
import { exactly } from './content.ts'
import { linkNew, makeFolder, removeFiles, syncFolder, writeDurably } from './dir-files.ts'
import { pathOf, SIDECAR, TEMPORARY } from './dir-names.ts'
import { infoOf } from './dir-read.ts'
import { readSidecar, sidecarOf } from './dir-sidecar.ts'
import { completeKey, nextOf, versionOf, versionsOf } from './dir-versions.ts'
import type { Replacement } from './object-store.ts'

export async function replaceFile(
  root: string,
  key: string,
  by: Replacement,
  version: string,
): Promise<'replaced' | 'changed'> {
  const temporary = join(root, TEMPORARY)
  const upload = crypto.randomUUID()
  const content = join(temporary, upload)
  const sidecar = JSON.stringify({ ...sidecarOf(by, upload), key }, undefined, 2)
  await makeFolder(temporary)
  let counts = false
  try {
    if (by.content !== undefined)
      await writeDurably([content, exactly(by.content.body, by.content.length)])
    await writeDurably([content + SIDECAR, `${sidecar}\n`])
    await syncFolder(temporary)

    await completeKey(root, key)
    const before = (await versionsOf(root, key)).version
    if ((await infoOf(root, key))?.version !== version) return 'changed'
    const link = nextOf(root, before) + SIDECAR
    counts = linkNew(content + SIDECAR, link)
    if (!counts) return 'changed'
    await syncFolder(temporary)
    if (versionOf(key, await readSidecar(join(root, pathOf(key)))) === before) {
      await completeKey(root, key)
      return 'replaced'
    }
    // Another was first, and is complete, its link removed: nobody looks at ours.
    removeFiles(link)
    counts = false
    return 'changed'
  } finally {
    // What counts is needed until it has its place, whatever went wrong since.
    if (!counts) removeFiles(content, content + SIDECAR)
  }
}
