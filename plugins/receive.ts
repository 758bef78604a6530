/** Fixes the plan, commits the message to the spool, and only then answers 250 OK <id>. D§2.1 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { accepted, replies } from '../src/haraka/replies.ts'
import { mailState } from '../src/haraka/transaction.ts'
import type { Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'
import { newMessageId } from '../src/mail/message-id.ts'
import { summaryOf } from '../src/mail/verdict.ts'
import { evaluate } from '../src/rules/evaluate.ts'
import type { Draft } from '../src/spool/draft.ts'

export function register(this: Plugin): void {
  this.register_hook('queue', 'onQueue')
}

export const onQueue: Hook<undefined> = hook(async (connection, _none, { awaited }) => {
  const state = mailState<Draft>(connection)
  const { capture, envelope } = state ?? {}
  if (state === undefined || capture === undefined || envelope === undefined)
    return replies.ourFault
  const { draft } = capture
  const { rules, ruleSetName, spool, announce } = edge()
  const now = new Date()
  const facts = { recipients: envelope.recipients, tls: envelope.tls !== undefined }
  const { disposition, plan } = evaluate(rules, facts)
  if (disposition === 'reject') return replies.noRule

  const id = newMessageId(now.getTime())
  const logged = {
    id,
    ...facts,
    from: envelope.reversePath,
    ip: envelope.remoteIp,
    size: draft.size,
  }
  if (plan.length === 0) {
    log.info(logged, 'Accepted and dropped: the rules ask for no action')
    return accepted(id)
  }
  const { verdicts, checkedInMs } = state
  if (verdicts === undefined) return replies.ourFault
  state.committing = true
  const record = {
    version: 1,
    id,
    time: now.toISOString(),
    envelope,
    ruleSet: ruleSetName,
  } as const
  const kept = await draft.commit({ ...record, verdicts, plan }, awaited)
  if (kept && !awaited()) {
    // The client left in the last step and was not told 250: it will come again (pitfalls P14).
    await spool.remove(id)
  }
  if (!kept || !awaited()) return replies.ourFault
  announce(id)
  log.info({ ...logged, verdicts: summaryOf(verdicts), checkedInMs }, 'Accepted')
  return accepted(id)
})
