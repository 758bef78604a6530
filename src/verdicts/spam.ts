/**
 * The spam verdict, by rspamd's /checkv2. Its answer is not trusted: what is not a whole, sensible
 * result is PROCESSING_FAILED, never PASS. Never rejects for what rspamd or a message does.
 */
import { domainToASCII } from 'node:url'
import { describeError } from '../errors.ts'
import type { CapturedMessage } from '../mail/captured.ts'
import type { Envelope } from '../mail/envelope.ts'
import type { SpamJudgement } from '../mail/verdict.ts'
import { NoAnswer } from './connection.ts'
import { asked, engineGate, probeMs, sick } from './engine.ts'
import type { Answer } from './http-answer.ts'
import { rspamdAt } from './rspamd.ts'

export type SpamFilter = {
  readonly judge: (
    message: CapturedMessage,
    envelope: Envelope,
    signal: AbortSignal,
  ) => Promise<SpamJudgement>
  /** `undefined` when it works, else one sentence with the remedy. */
  readonly health: () => Promise<string | undefined>
}

export type SpamOptions = {
  /** Of an rspamd worker: http://host:11333. */
  readonly url: string
  readonly hostname: string
  readonly grayScore: number
  readonly failScore: number
  readonly concurrency: number
}

export function rspamdFilter(options: SpamOptions): SpamFilter {
  const { url } = options
  const ask = rspamdAt(url)
  const { concurrency } = options
  const entrance = engineGate({ name: 'rspamd', at: url, verdict: 'spam', concurrency })

  async function checked(
    message: CapturedMessage,
    envelope: Envelope,
    signal: AbortSignal,
  ): Promise<SpamJudgement> {
    try {
      const headers = headersOf(envelope, options.hostname)
      const { size } = message
      const question = {
        path: 'checkv2',
        headers,
        message: { size, pieces: message.read() },
      } as const
      return judged(await ask(question, signal), options)
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error
      const reason = error.reason === 'timeout' ? error.reason : `rspamd-${error.reason}`
      return { verdict: 'PROCESSING_FAILED', reason }
    }
  }

  return {
    judge: (message, envelope, signal) =>
      asked(
        entrance,
        'rspamd',
        signal,
        () => checked(message, envelope, signal),
        ({ verdict }) => verdict === 'PROCESSING_FAILED',
      ),
    async health() {
      const signal = AbortSignal.timeout(probeMs)
      try {
        const { status } = await ask({ path: 'ping' }, signal)
        if (status === 200) return undefined
        return sick('rspamd', 'spam', `answered ${status}`)
      } catch (error) {
        return sick('rspamd', 'spam', describeError(error))
      }
    },
  }
}

/** rspamd's request headers (rspamd's documentation, "Protocol"). `User` is never sent: nobody has logged in. */
export function headersOf(envelope: Envelope, hostname: string): Record<string, string | string[]> {
  const { remoteIp, remoteHost, helo, reversePath, recipients, tls } = envelope
  return {
    IP: remoteIp,
    Helo: octetsOf(helo),
    From: addressFor(reversePath),
    Rcpt: recipients.slice(0, maxRecipients).map(addressFor),
    'MTA-Name': hostname,
    ...(remoteHost === undefined ? {} : { Hostname: octetsOf(remoteHost) }),
    ...(tls === undefined
      ? {}
      : { 'TLS-Cipher': octetsOf(tls.cipher), 'TLS-Version': octetsOf(tls.version) }),
  }
}

/** No rule of rspamd looks further. */
const maxRecipients = 1000

/**
 * An address as rspamd 3.4 can read it. It knows no SMTPUTF8 and would take one that is not ASCII for
 * no address at all: the domain goes in A-labels, octets of the local part percent-encoded (pitfalls P34).
 */
function addressFor(address: string): string {
  const at = address.lastIndexOf('@')
  const domain = domainToASCII(address.slice(at + 1))
  const local = Buffer.from(address.slice(0, Math.max(at, 0)), 'utf8').toString('latin1')
  const plain = local.replace(
    /[^\x20-\x7e]/g,
    (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
  return at < 0 ? octetsOf(address) : octetsOf(`${plain}@${domain}`)
}

/** A header's value: UTF-8 octets as they are, without the control characters that would end it. */
function octetsOf(text: string): string {
  const oneLine = text.replace(/[\x00-\x1f\x7f]/g, '?').slice(0, 1000)
  return Buffer.from(oneLine, 'utf8').toString('latin1')
}

const failingActions = ['reject']
const grayActions = ['add header', 'rewrite subject', 'soft reject', 'quarantine']
const passingActions = ['no action', 'greylist']
const maxSymbols = 100

/** The verdict of rspamd's answer. Pure. */
export function judged(
  { status, server, body }: Answer,
  { grayScore, failScore }: Pick<SpamOptions, 'grayScore' | 'failScore'>,
): SpamJudgement {
  const engine = engineOf(server)
  const failed = (reason: string): SpamJudgement => ({
    verdict: 'PROCESSING_FAILED',
    reason,
    engine,
  })
  if (status !== 200) return failed('rspamd-error')
  const result = parsed(body)
  if (result === undefined) return failed('rspamd-answer')
  const { score, action, is_skipped: skipped } = result
  if (typeof score !== 'number' || !Number.isFinite(score)) return failed('rspamd-answer')
  const known = [...failingActions, ...grayActions, ...passingActions]
  if (typeof action !== 'string' || !known.includes(action)) return failed('rspamd-answer')
  // A pre-result such as GTUBE's ends the scan early too, but it is a result.
  if (skipped === true && action === 'no action') return failed('rspamd-skipped')
  const about = { engine, score: rounded(score), action, symbols: symbolsOf(result['symbols']) }
  if (failingActions.includes(action)) return { verdict: 'FAIL', reason: 'rspamd-reject', ...about }
  if (score >= failScore) return { verdict: 'FAIL', reason: 'spam-score', ...about }
  if (score >= grayScore) return { verdict: 'GRAY', reason: 'spam-score', ...about }
  // Its own thresholds may be lower than ours; a soft reject is a rate limit or a wait of its own.
  if (action === 'soft reject') return { verdict: 'GRAY', reason: 'rspamd-soft-reject', ...about }
  return { verdict: 'PASS', ...about }
}

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const rounded = (score: number): number => Math.round(score * 100) / 100

/** The weightiest first. */
function symbolsOf(value: unknown): NonNullable<SpamJudgement['symbols']> {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value)
    .flatMap(([name, about]) => {
      const score: unknown =
        typeof about === 'object' && about !== null ? Reflect.get(about, 'score') : 0
      if (!/^[\x21-\x7e]{1,100}$/.test(name)) return []
      return [
        { name, score: typeof score === 'number' && Number.isFinite(score) ? rounded(score) : 0 },
      ]
    })
    .sort((one, other) => Math.abs(other.score) - Math.abs(one.score))
    .slice(0, maxSymbols)
}

function engineOf(server: string | undefined): string {
  const version = /^rspamd\/([\w.-]{1,32})/.exec(server ?? '')?.[1]
  return version === undefined ? 'rspamd' : `rspamd@${version}`
}
