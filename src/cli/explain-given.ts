/** What `postern explain` is told of a message: from its options, a file, or a message that is kept here. */
import { readFileSync } from 'node:fs'
import { describeError, UserError } from '../errors.ts'
import type { Envelope } from '../mail/envelope.ts'
import { isMessageId } from '../mail/message-id.ts'
import type { Verdicts } from '../mail/verdict.ts'
import type { Given } from '../rules/forecast.ts'
import { messageFrom } from '../rules/given-message.ts'
import { hasSpool, Spool } from '../spool/spool.ts'
import { givenVerdicts } from './explain-verdicts.ts'

export type GivenOptions = {
  readonly to?: readonly string[]
  readonly from?: string
  readonly helo?: string
  readonly ip?: string
  readonly tls?: boolean
  /** A file, or `-` for standard input. */
  readonly message?: string
  readonly verdict?: readonly string[]
}

/** Options override what is kept. Throws UserError. */
export async function givenBy(
  options: GivenOptions,
  id: string | undefined,
  dataDir: string,
): Promise<Given> {
  const kept = id === undefined ? undefined : await keptMessage(id, dataDir)
  const { envelope } = kept ?? {}
  const recipients = options.to ?? envelope?.recipients ?? []
  const from = options.from === '<>' ? '' : (options.from ?? envelope?.reversePath)
  const helo = options.helo ?? envelope?.helo
  const ip = options.ip ?? envelope?.remoteIp
  const verdicts = { ...kept?.verdicts, ...givenVerdicts(options.verdict ?? []) }
  const octets = options.message === undefined ? kept?.octets : readMessage(options.message)
  return {
    recipients,
    session: {
      tls: options.tls ?? envelope?.tls !== undefined,
      ...(from === undefined ? {} : { reversePath: from }),
      ...(helo === undefined ? {} : { helo }),
      ...(ip === undefined ? {} : { remoteIp: ip }),
    },
    verdicts,
    ...(octets === undefined ? {} : { message: await messageFrom(octets) }),
  }
}

function readMessage(path: string): Buffer {
  try {
    return readFileSync(path === '-' ? 0 : path)
  } catch (error) {
    throw new UserError(`--message: ${path} cannot be read: ${describeError(error)}.`)
  }
}

type Kept = {
  readonly envelope: Envelope
  readonly verdicts: Verdicts
  readonly octets: Buffer
}

async function keptMessage(id: string, dataDir: string): Promise<Kept> {
  if (!isMessageId(id)) throw new UserError(`${JSON.stringify(id)} is no id of a message.`)
  const unknown = new UserError(
    `${id} is neither in the spool nor among the dead letters of ${dataDir}: a message that is delivered is explained by its file, --message.`,
  )
  if (!hasSpool(dataDir)) throw unknown
  const spool = new Spool(dataDir)
  try {
    const entry = (await spool.read(id)) ?? (await spool.read(id, 'dead'))
    if (entry === undefined) throw unknown
    const { envelope, verdicts } = entry.record
    try {
      return { envelope, verdicts, octets: Buffer.concat(await Array.fromAsync(entry.message())) }
    } finally {
      await entry.close()
    }
  } finally {
    spool.close()
  }
}
