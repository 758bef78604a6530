/** Reads objects of a directory store: content always with the metadata that belongs to it. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../errors.ts'
import { statOf } from './dir-files.ts'
import { pathOf, TEMPORARY } from './dir-names.ts'
import { NO_SIDECAR, type Sidecar } from './dir-sidecar.ts'
import { versionOf, versionsOf } from './dir-versions.ts'
import { isKey } from './key.ts'
import type { ObjectInfo } from './object-store.ts'

type OpenFile = { readonly info: ObjectInfo; readonly file: FileHandle }

/** Undefined when there is no such object. */
export async function infoOf(root: string, key: string): Promise<ObjectInfo | undefined> {
  const opened = await openFile(root, key)
  await opened?.file.close()
  return opened?.info
}

/**
 * Opens an object with the metadata that belongs to it: the versions were read while the content had
 * its place, or all is read again.
 */
export async function openFile(root: string, key: string): Promise<OpenFile | undefined> {
  if (!isKey(key)) return undefined
  const path = join(root, pathOf(key))
  for (;;) {
    const file = await openIfThere(path)
    if (file === undefined) return undefined
    try {
      const found = await file.stat()
      if (!found.isFile()) {
        await file.close()
        return undefined
      }
      const { sidecar, next } = await versionsOf(root, key)
      const replaced = next?.upload && (await openIfThere(join(root, TEMPORARY, next.upload)))
      if (replaced) {
        await file.close()
        return { file: replaced, info: infoIn(key, await replaced.stat(), next) }
      }
      if (statOf(path)?.ino === found.ino)
        return { file, info: infoIn(key, found, next ?? sidecar) }
      await file.close()
    } catch (error) {
      await file.close()
      throw error
    }
  }
}

function infoIn(
  key: string,
  { size, mtime, mtimeMs }: Stats,
  sidecar: Sidecar | undefined,
): ObjectInfo {
  const { contentType, metadata } = sidecar ?? NO_SIDECAR
  // The time is a part of it for the sake of who copies another file over the content.
  const version = `${versionOf(key, sidecar)} ${mtimeMs}`
  return { key, size, time: mtime, contentType, metadata, version }
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
