/**
 * The virus verdict, by clamd. Only an explicit OK is PASS (pitfalls P50); what could not be scanned is
 * PROCESSING_FAILED, what could not be looked into is GRAY. Never rejects for what clamd or a message does.
 */
import { describeError } from '../errors.ts'
import type { CapturedMessage, Pieces } from '../mail/captured.ts'
import { decodedParts, type MimeStructure, mimeStructure } from '../mail/mime.ts'
import type { VirusJudgement } from '../mail/verdict.ts'
import { ask } from './clamd.ts'
import { clamdSessions, type Scan } from './clamd-sessions.ts'
import { NoAnswer } from './connection.ts'
import { asked, engineGate, probeMs, sick } from './engine.ts'
import type { Gate } from './gate.ts'

export type VirusScanner = {
  readonly scan: (message: CapturedMessage, signal: AbortSignal) => Promise<VirusJudgement>
  /** `undefined` when it works, else one sentence with the remedy. */
  readonly health: () => Promise<string | undefined>
}

export type VirusOptions = {
  /** `unix:/path` or `host:port`. */
  readonly place: string
  readonly scan: 'attachments' | 'all'
  readonly concurrency: number
  /** What it finds clean was not really scanned. */
  readonly testSignaturesOnly: boolean
}

/** Leaves of one message that are scanned one by one. */
const maxParts = 100
const versionMs = 60_000

export function clamdScanner(options: VirusOptions): VirusScanner {
  const { place } = options
  const { concurrency } = options
  const entrance = engineGate({ name: 'clamd', at: place, verdict: 'virus', concurrency })
  const instream = clamdSessions(place)
  const engine = engineOf(place)

  return {
    async scan(message, signal) {
      const structure = await mimeStructure(message, signal)
      if (structure === undefined) return { verdict: 'PROCESSING_FAILED', reason: 'timeout' }
      if (options.scan === 'attachments' && isPlain(structure)) {
        // SES scans what has an attachment. Here that is what is not plainly text from end to end.
        return { verdict: 'PASS', reason: 'nothing-to-scan' }
      }
      const found = await scanned(message, structure, { instream, entrance, signal })
      // Of one that failed nothing more is waited for.
      if (found.verdict === 'PROCESSING_FAILED') return found
      const version = await engine(signal)
      return { ...softened(found, structure, options.testSignaturesOnly), engine: version }
    },
    async health() {
      const signal = AbortSignal.timeout(probeMs)
      const answer = await ask(place, 'PING', signal).catch((error: unknown) =>
        describeError(error),
      )
      return answer === 'PONG' ? undefined : sick('clamd', 'virus', answer)
    },
  }
}

function isPlain({ hasAttachment, unusual, ambiguous }: MimeStructure): boolean {
  return !hasAttachment && unusual.length === 0 && ambiguous.length === 0
}

/** Doubt that a clean answer leaves: it was clean in the way clamd reads it, by the signatures it has. */
function softened(
  found: VirusJudgement,
  { ambiguous }: MimeStructure,
  testSignaturesOnly: boolean,
): VirusJudgement {
  if (found.verdict !== 'PASS') return found
  if (ambiguous.length > 0) return { verdict: 'GRAY', reason: 'ambiguous-mime' }
  return testSignaturesOnly ? { verdict: 'GRAY', reason: 'test-signatures-only' } : found
}

type Asking = { readonly instream: Scan; readonly entrance: Gate; readonly signal: AbortSignal }

/** The raw message, and where its structure is unusual each decoded part too: clamd may not find them (P56). */
async function scanned(
  message: CapturedMessage,
  structure: MimeStructure,
  { instream, entrance, signal }: Asking,
): Promise<VirusJudgement> {
  const one = (pieces: Pieces): Promise<VirusJudgement> =>
    asked(entrance, 'clamd', signal, () => tried(() => instream(pieces, signal)), isFailure)
  let worst = await one(message.read())
  const isEnough = (): boolean => worst.verdict === 'FAIL' || worst.verdict === 'PROCESSING_FAILED'
  if (isEnough() || (structure.unusual.length === 0 && structure.ambiguous.length === 0)) {
    return worst
  }
  let count = 0
  for await (const { content } of decodedParts(message)) {
    count += 1
    if (count > maxParts) return worse(worst, { verdict: 'GRAY', reason: 'limits-exceeded' })
    worst = worse(worst, await one(content))
    if (isEnough()) return worst
  }
  return worst
}

const order = ['PASS', 'DISABLED', 'GRAY', 'PROCESSING_FAILED', 'FAIL']

function worse(one: VirusJudgement, other: VirusJudgement): VirusJudgement {
  return order.indexOf(other.verdict) > order.indexOf(one.verdict) ? other : one
}

async function tried(answer: () => Promise<string>): Promise<VirusJudgement> {
  try {
    return judged(await answer())
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    const reason =
      error.reason === 'unavailable' || error.reason === 'answer'
        ? `clamd-${error.reason}`
        : error.reason
    return { verdict: 'PROCESSING_FAILED', reason }
  }
}

/** Whether clamd itself is at fault: a message that is too large says nothing of the next one. */
function isFailure({ verdict, reason }: VirusJudgement): boolean {
  return verdict === 'PROCESSING_FAILED' && reason !== 'size-limit-exceeded'
}

/** What clamd's answer means. Pure; whatever is not known to be good is not PASS. */
export function judged(answer: string): VirusJudgement {
  if (answer === 'stream: OK') return { verdict: 'PASS' }
  const name = /^stream: ([\x20-\x7e]{1,500}) FOUND$/.exec(answer)?.[1]
  if (name !== undefined) {
    if (name.startsWith('Heuristics.Limits.Exceeded')) {
      return { verdict: 'GRAY', reason: 'limits-exceeded', signature: name }
    }
    if (name.startsWith('Heuristics.Encrypted')) {
      return { verdict: 'GRAY', reason: 'encrypted', signature: name }
    }
    return { verdict: 'FAIL', reason: 'infected', signature: name }
  }
  if (/size limit exceeded/i.test(answer)) {
    return { verdict: 'PROCESSING_FAILED', reason: 'size-limit-exceeded' }
  }
  const reason = /ERROR\s*$/.test(answer) ? 'clamd-error' : 'clamd-answer'
  return { verdict: 'PROCESSING_FAILED', reason }
}

/** `clamd@1.4.6/27000`: version and, where there are official signatures, theirs. Asked once a minute. */
function engineOf(place: string): (signal: AbortSignal) => Promise<string> {
  let asked = Number.NEGATIVE_INFINITY
  let known = 'clamd'
  return async (signal) => {
    if (performance.now() - asked < versionMs) return known
    asked = performance.now()
    const limited = AbortSignal.any([signal, AbortSignal.timeout(probeMs)])
    const answer = await ask(place, 'VERSION', limited).catch(() => '')
    const [, version, database] = /^ClamAV ([\w.-]{1,32})(?:\/(\d{1,9}))?/.exec(answer) ?? []
    if (version !== undefined) {
      known = database === undefined ? `clamd@${version}` : `clamd@${version}/${database}`
    } else asked = Number.NEGATIVE_INFINITY
    return known
  }
}
