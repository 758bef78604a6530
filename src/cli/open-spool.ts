/** The spool, for a command that changes it. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { becomeUser } from '../roles/privileges.ts'
import { Spool } from '../spool/spool.ts'

/** Throws UserError for a spool of another user: its worker could not read what is put into it. */
export function openSpool(config: Config): Spool {
  becomeUser(config)
  const { dataDir } = config
  const found = statSync(join(dataDir, 'spool'), { throwIfNoEntry: false })
  if (found !== undefined && process.geteuid?.() !== found.uid) {
    throw new UserError(
      `${dataDir} belongs to another user (uid ${found.uid}): run this command as the user that Postern runs as.`,
    )
  }
  return new Spool(dataDir)
}
