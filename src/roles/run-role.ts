/** The roles of `serve`. Each process loads what its own needs. */
import type { Config } from '../config/options.ts'

export const roleNames = ['smtp', 'worker', 'http'] as const
export type Role = (typeof roleNames)[number]

export type Part = {
  readonly role: Role
  /** worker: which one of this node it is; the first, 0, also compares spool and queue. */
  readonly number: number
  /** worker: no other worker of this node runs, so that what the last run had under way is free. */
  readonly fresh: boolean
  /** smtp: it takes the place of one that died, and the rules that were in force will do. */
  readonly again: boolean
}

/** Resolves with the addresses it listens on when it serves. Throws `UserError`. */
export async function runRole(config: Config, part: Part): Promise<readonly string[]> {
  if (part.role === 'smtp') return (await import('./smtp.ts')).runSmtp(config, part.again)
  if (part.role === 'http') return [await (await import('./http.ts')).runHttp(config)]
  await (await import('./worker.ts')).runWorker(config, part)
  return []
}
