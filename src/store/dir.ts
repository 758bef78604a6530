/**
 * An object store in a directory. PATH/KEY holds exactly the object's octets, so that any tool can
 * open it, and PATH/KEY.metadata.json its content type and metadata; dir-names.ts says how unusual
 * keys are written, dir-put.ts and dir-replace.ts how nothing is ever half there. Files are 0600,
 * folders 0700. For one machine, and several processes on it. The directory is made by the first put.
 */
import { join, resolve } from 'node:path'
import { release } from './content.ts'
import { statOf } from './dir-files.ts'
import { listDirectory } from './dir-list.ts'
import { pathOf } from './dir-names.ts'
import { putFile, reclaim, removeFile } from './dir-put.ts'
import { infoOf, openFile } from './dir-read.ts'
import { replaceFile } from './dir-replace.ts'
import { completeAll, completeKey } from './dir-versions.ts'
import { existed } from './existing.ts'
import { isKey, requireKey } from './key.ts'
import type { ObjectStore } from './object-store.ts'

export function dirStore(path: string): ObjectStore {
  const root = resolve(path)
  let reclaimed = false

  const head = (key: string) => infoOf(root, key)

  return {
    async *list(options = {}) {
      await completeAll(root)
      yield* listDirectory(root, options)
    },
    head,
    async get(key) {
      const opened = await openFile(root, key)
      if (opened === undefined) return undefined
      const body = opened.file.createReadStream()
      return { info: opened.info, body, cancel: () => void body.destroy() }
    },
    async put(key, body, options) {
      requireKey(key)
      const path = join(root, pathOf(key))
      // Nothing has that name nearly always, and to be told so by an exception costs ten times as much.
      const there = statOf(path) && (await head(key))
      if (there !== undefined) {
        await release(body)
        return existed(key, there, options)
      }
      if (!reclaimed) await reclaim(root)
      reclaimed = true
      const outcome = await putFile(root, path, body, options)
      return outcome === 'stored' ? outcome : existed(key, await head(key), options)
    },
    async replace(key, by, version) {
      requireKey(key)
      return replaceFile(root, key, by, version)
    },
    async delete(key) {
      if (!isKey(key)) return
      await completeKey(root, key)
      await removeFile(join(root, pathOf(key)))
    },
  }
}
