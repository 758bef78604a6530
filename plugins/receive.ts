/** Fixes the plan, commits the message to the spool, and only then answers 250 OK <id>. D§2.1 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { accepted, bounced, replies } from '../src/haraka/replies.ts'
import { mailState } from '../src/haraka/transaction.ts'
import type { Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'
import { newMessageId } from '../src/mail/message-id.ts'
import { summaryOf } from '../src/mail/verdict.ts'
import { planFor, type RuleSets } from '../src/rules/plan.ts'
import type { Draft } from '../src/spool/draft.ts'

export function register(this: Plugin): void {
  this.register_hook('queue', 'onQueue')
}

export const onQueue: Hook<undefined> = hook(async (connection, _none, { awaited }) => {
  const state = mailState<Draft, RuleSets>(connection)
  const { capture, envelope, verdicts } = state ?? {}
  if (state === undefined || capture === undefined || envelope === undefined)
    return replies.ourFault
  const { draft, reader } = capture
  const { config, spool, announce } = edge()
  const now = new Date()
  const id = newMessageId(now.getTime())
  const message = { size: draft.size, header: reader.header(), read: () => draft.read() }
  const received = { envelope, message, verdicts }
  const planned = await planFor(received, state.rules, config.notifications)
  if (!awaited()) return replies.ourFault
  const { disposition, plan, bounce, unmatched, differs } = planned
  if (differs) log.info({ id, ...differs }, 'The shadow rule set would do otherwise')
  const { reversePath: from, recipients, remoteIp: ip } = envelope
  const logged = {
    id,
    from,
    recipients,
    ip,
    size: draft.size,
    ...(unmatched.length === 0 ? {} : { unmatched }),
    ...(verdicts === undefined ? {} : { verdicts: summaryOf(verdicts) }),
  }
  if (disposition !== 'accept') {
    const answer = disposition === 'defer' ? replies.uncheckedNow : replies.noRuleForMessage
    log.info({ ...logged, reply: answer.reply.text }, 'Refused by the rules')
    return answer
  }
  const refusal = bounce && bounced(bounce.SmtpReplyCode, bounce.StatusCode, bounce.Message)
  const answer = refusal ?? accepted(id)
  if (plan.length === 0) {
    const why = refusal ? 'Bounced by a rule' : 'Accepted and dropped: the rules ask for no action'
    log.info({ ...logged, ...answer.reply }, why)
    return answer
  }
  if (verdicts === undefined) return replies.ourFault
  state.committing = true
  const { name: ruleSet } = state.rules.active
  const record = { version: 1, id, time: now.toISOString(), envelope, ruleSet } as const
  const kept = await draft.commit({ ...record, verdicts, plan }, awaited)
  if (kept && !awaited()) {
    // The client left in the last step and was not told 250: it will come again (pitfalls P14).
    await spool.remove(id)
  }
  if (!kept || !awaited()) return replies.ourFault
  announce(id)
  const { checkedInMs } = state
  if (refusal)
    log.info({ ...logged, ...refusal.reply }, 'Bounced by a rule, its other actions are done')
  else log.info({ ...logged, checkedInMs }, 'Accepted')
  return answer
})
