/** What a refusal of the client library means at the command line. */
import { MailboxError } from '../client/index.ts'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { places } from '../roles/prepare.ts'

/** Refusals that another option mends are the person's; a damaged object stays a failure. */
export function remedied(error: unknown, { dataDir }: Config, hasKey: boolean): unknown {
  if (!(error instanceof MailboxError)) return error
  if (error.reason === 'wrong-key' && !hasKey) {
    const { secretKey } = places(dataDir)
    // The formats of S3 encryption clients do not tell which key it was.
    const named = error.keyIds.length === 0 ? 'another key' : `the key ${error.keyIds.join(', ')}`
    return new UserError(
      `The message is sealed to ${named}, and there is no ${secretKey}: give the secret key with --key FILE.`,
    )
  }
  if (error.reason === 'too-large') {
    return new UserError('The message is too large for --json: get it without, in one stream.')
  }
  const mendable = ['wrong-key', 'bad-after', 'not-found'].includes(error.reason)
  return mendable ? new UserError(error.message) : error
}
