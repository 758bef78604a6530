/** Judges the message after its end, all checks in parallel, and refuses it where the operator says so. D§2.5 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { type Answer, proceed, refusals, replies } from '../src/haraka/replies.ts'
import { shortLived } from '../src/haraka/short-lived.ts'
import { envelopeOf, mailState } from '../src/haraka/transaction.ts'
import type { Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'
import { summaryOf } from '../src/mail/verdict.ts'
import { outlook } from '../src/rules/evaluate.ts'
import type { RuleSets } from '../src/rules/plan.ts'
import type { Draft } from '../src/spool/draft.ts'
import { clientGone, judge } from '../src/verdicts/judge.ts'
import { refusalOf } from '../src/verdicts/refusal.ts'

export function register(this: Plugin): void {
  this.register_hook('data_post', 'onDataPost')
}

export const onDataPost: Hook<undefined> = hook(async (connection, _none, { awaited }) => {
  const state = mailState<Draft, RuleSets>(connection)
  if (state?.capture === undefined) return replies.ourFault
  const { draft, reader } = state.capture
  const { config, checks } = edge()
  const given = await envelopeOf(connection, state.smtpUtf8, config.hostname)
  if (!awaited()) return replies.ourFault
  state.envelope = given
  const { recipients, tls } = given
  const { compiled } = state.rules.active
  const { acts, scan } = outlook(compiled, { recipients, tls: tls !== undefined })
  // Accepted and dropped: nobody will ever read what the checks would say.
  if (!acts) return proceed

  const message = { size: draft.size, header: reader.header(), read: () => draft.read() }
  const stop = new AbortController()
  state.stopChecks = shortLived(() => stop.abort(clientGone))
  const began = performance.now()
  state.verdicts = await judge(message, given, checks, {
    timeoutMs: config.smtp.verdictTimeoutMs,
    scan,
    signal: stop.signal,
  })
  // There is nothing left to stop, and an abort costs 20 µs.
  delete state.stopChecks
  state.checkedInMs = Math.round(performance.now() - began)
  const cause = refusalOf(state.verdicts, {
    refuse: config.smtp.refuse,
    onFailure: {
      authentication: config.authentication.onFailure,
      virus: config.virus.onFailure,
      spam: config.spam.onFailure,
    },
  })
  if (cause === undefined) return proceed
  const answer: Answer = refusals[cause]
  log.info(
    {
      cause,
      verdicts: summaryOf(state.verdicts),
      from: given.reversePath,
      recipients,
      ip: given.remoteIp,
      helo: given.helo,
      size: draft.size,
      reply: answer.reply?.text,
    },
    'Refused',
  )
  return answer
})
