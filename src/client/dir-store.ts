/**
 * A directory store, for reading. Node only: the module that knows files is loaded by the first use,
 * so that a browser's bundle can hold this one.
 */
import type { ReadableStore } from '../store/object-store.ts'

/** The store in a directory, as `type: dir` in postern.yaml makes it; a missing directory is empty. */
export function dirStore(path: string): ReadableStore {
  let opened: Promise<ReadableStore> | undefined
  const store = (): Promise<ReadableStore> => {
    opened ??= import('../store/dir.ts').then((module) => module.dirStore(path))
    return opened
  }
  return {
    async *list(options) {
      yield* (await store()).list(options)
    },
    head: async (key) => (await store()).head(key),
    get: async (key) => (await store()).get(key),
  }
}
