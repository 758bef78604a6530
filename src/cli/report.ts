/** What an error says to whoever started the process, and the exit code for it. See main.ts. */
import { configExitCode, describeError, UserError } from '../errors.ts'
import { printable } from '../printable.ts'

/** Writes it on standard error; answers the exit code. */
export function report(error: unknown): number {
  if (error instanceof UserError) {
    for (const line of error.message.split('\n'))
      process.stderr.write(`postern: ${printable(line)}\n`)
    return configExitCode
  }
  // A store or a server may have written a part of it.
  process.stderr.write(`postern: ${printable(describeError(error))}\n`)
  if (process.env['POSTERN_DEBUG'] !== undefined)
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  return 1
}
