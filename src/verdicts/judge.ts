/**
 * All checks of one message, in parallel, within one deadline. Promises a verdict for each, whatever an
 * engine does: one that throws or is not done in time gives PROCESSING_FAILED (D§2.5). Never rejects,
 * never refuses mail: that is refusal.ts.
 */
import { describeError } from '../errors.ts'
import { log } from '../log.ts'
import type { CapturedMessage } from '../mail/captured.ts'
import type { Envelope } from '../mail/envelope.ts'
import type {
  Authentication,
  Judgement,
  SpamJudgement,
  Verdicts,
  VirusJudgement,
} from '../mail/verdict.ts'

/** A check: it should stop, and may tell what it knows, when `signal` aborts. */
export type Check<Result> = (
  message: CapturedMessage,
  envelope: Envelope,
  signal: AbortSignal,
) => Promise<Result>

export type Checks = {
  readonly authenticate: Check<Authentication>
  /** Absent: switched off. */
  readonly virus?: Check<VirusJudgement> | undefined
  readonly spam?: Check<SpamJudgement> | undefined
}

export type JudgeOptions = {
  readonly timeoutMs: number
  /** SES: whether any rule that takes the message has ScanEnabled; without, spam and virus are DISABLED. */
  readonly scan: boolean
  /** Aborts when nobody waits for the verdicts any more. */
  readonly signal: AbortSignal
}

/** Why checks are stopped when it is not for their slowness: nobody waits for them. */
export const clientGone = 'client-gone'

/** What a check that stops at the deadline gets for saying what it knows. */
const graceMs = 200

export async function judge(
  message: CapturedMessage,
  envelope: Envelope,
  checks: Checks,
  { timeoutMs, scan, signal }: JudgeOptions,
): Promise<Verdicts> {
  const stop = new AbortController()
  const over = Promise.withResolvers<undefined>()
  const abort = (): void => {
    stop.abort(signal.aborted ? clientGone : undefined)
    setTimeout(over.resolve, graceMs, undefined).unref()
  }
  const timer = setTimeout(abort, timeoutMs)
  signal.addEventListener('abort', abort, { once: true })

  async function run<Result>(
    name: string,
    check: Check<Result>,
    otherwise: (failed: Judgement) => Result,
  ): Promise<Result> {
    try {
      const result = await Promise.race([check(message, envelope, stop.signal), over.promise])
      return result ?? otherwise({ verdict: 'PROCESSING_FAILED', reason: 'timeout' })
    } catch (error) {
      log.error({ check: name, reason: describeError(error), err: error }, 'A check failed')
      return otherwise({ verdict: 'PROCESSING_FAILED', reason: 'check-failed' })
    }
  }
  const scanned = <Result extends Judgement>(
    name: string,
    check: Check<Result> | undefined,
  ): Promise<Result | Judgement> | Judgement => {
    if (!scan) return { verdict: 'DISABLED', reason: 'scan-not-enabled' }
    if (check === undefined) return { verdict: 'DISABLED', reason: `${name}-off` }
    return run<Result | Judgement>(name, check, (failed) => failed)
  }

  const [authentication, virus, spam] = await Promise.all([
    run<Authentication>('authentication', checks.authenticate, (failed) => ({
      spf: failed,
      dkim: failed,
      dmarc: failed,
    })),
    scanned('virus', checks.virus),
    scanned('spam', checks.spam),
  ])
  clearTimeout(timer)
  signal.removeEventListener('abort', abort)
  return { ...authentication, virus, spam }
}
