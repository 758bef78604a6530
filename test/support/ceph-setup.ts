/** Global set-up of the `ceph` tests: one gateway for all of them, stopped when they end. */
import type { TestProject } from 'vitest/node'
import { type CephConnection, startCeph } from './ceph.ts'

declare module 'vitest' {
  interface ProvidedContext {
    ceph: CephConnection
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, ...connection } = await startCeph()
  project.provide('ceph', connection)
  return stop
}
