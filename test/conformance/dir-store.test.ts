/** The directory store, held to the suite. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { dirStore } from '../../src/store/dir.ts'
import { objectStoreSuite } from './object-store.ts'

let base = ''
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'postern-dir-store-'))
})
afterAll(() => rm(base, { recursive: true }))

objectStoreSuite('a directory', async () => dirStore(join(base, crypto.randomUUID())))
