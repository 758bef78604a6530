/**
 * An object store in a directory. PATH/KEY holds exactly the object's octets, so that any tool can
 * open it, and PATH/KEY.metadata.json its content type and metadata; dir-names.ts says how unusual
 * keys are written, dir-put.ts how nothing is ever half there. Files are 0600, folders 0700. For
 * one machine, and several processes on it. The directory is made by the first put.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorCode } from '../errors.ts'
import { release } from './content.ts'
import { statOf } from './dir-files.ts'
import { listDirectory } from './dir-list.ts'
import { pathOf } from './dir-names.ts'
import { putFile, reclaim, removeFile } from './dir-put.ts'
import { NO_SIDECAR, readSidecar } from './dir-sidecar.ts'
import { existed } from './existing.ts'
import { isKey, requireKey } from './key.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

type OpenFile = { readonly info: ObjectInfo; readonly file: FileHandle }

export function dirStore(path: string): ObjectStore {
  const root = resolve(path)
  let reclaimed = false

  async function head(key: string): Promise<ObjectInfo | undefined> {
    const opened = await openFile(root, key)
    await opened?.file.close()
    return opened?.info
  }

  return {
    list: (options = {}) => listDirectory(root, options),
    head,
    async get(key) {
      const opened = await openFile(root, key)
      if (opened === undefined) return undefined
      const body = opened.file.createReadStream()
      return { info: opened.info, body, cancel: () => void body.destroy() }
    },
    async put(key, body, options) {
      requireKey(key)
      const there = await head(key)
      if (there !== undefined) {
        await release(body)
        return existed(key, there, options)
      }
      if (!reclaimed) await reclaim(root)
      reclaimed = true
      const outcome = await putFile(root, join(root, pathOf(key)), body, options)
      return outcome === 'stored' ? outcome : existed(key, await head(key), options)
    },
    async delete(key) {
      if (isKey(key)) await removeFile(join(root, pathOf(key)))
    },
  }
}

/**
 * Opens an object with the metadata that belongs to it: the sidecar was read while the content had
 * its place, or all is read again.
 */
async function openFile(root: string, key: string): Promise<OpenFile | undefined> {
  if (!isKey(key)) return undefined
  const path = join(root, pathOf(key))
  for (;;) {
    const file = await openIfThere(path)
    if (file === undefined) return undefined
    try {
      const found = await file.stat()
      const { contentType, metadata } = (await readSidecar(path)) ?? NO_SIDECAR
      if (found.isFile() && (await statOf(path))?.ino === found.ino) {
        const info = { key, size: found.size, time: found.mtime, contentType, metadata }
        return { info, file }
      }
      await file.close()
      if (!found.isFile()) return undefined
    } catch (error) {
      await file.close()
      throw error
    }
  }
}

/** Names that cannot be there are not there; a link is not followed, it may lead anywhere. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    if (ABSENT.includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}
