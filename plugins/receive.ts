/** Fixes the plan, commits the message to the spool, and only then answers 250 OK <id>. D§2.1 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { accepted, replies } from '../src/haraka/replies.ts'
import { addressOf, mailState, protocolOf, reverseNameOf } from '../src/haraka/transaction.ts'
import type { Connection, Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'
import type { Envelope } from '../src/mail/envelope.ts'
import { newMessageId } from '../src/mail/message-id.ts'
import { allDisabled } from '../src/mail/verdict.ts'
import { evaluate } from '../src/rules/evaluate.ts'
import type { Draft } from '../src/spool/draft.ts'

export function register(this: Plugin): void {
  this.register_hook('queue', 'onQueue')
}

export const onQueue: Hook<undefined> = hook(async (connection, _none, { awaited }) => {
  const state = mailState<Draft>(connection)
  if (state?.capture === undefined) return replies.ourFault
  const { draft } = state.capture
  const { rules, ruleSetName, spool, announce } = edge()
  const now = new Date()
  const copied = envelopeOf(connection, state.smtpUtf8)
  const remoteHost = await reverseNameOf(connection)
  if (!awaited()) return replies.ourFault
  const envelope = remoteHost === undefined ? copied : { ...copied, remoteHost }
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
  state.committing = true
  const record = {
    version: 1,
    id,
    time: now.toISOString(),
    envelope,
    ruleSet: ruleSetName,
  } as const
  const verdicts = allDisabled('no-check-in-this-release')
  const kept = await draft.commit({ ...record, verdicts, plan }, awaited)
  if (kept && !awaited()) {
    // The client left in the last step and was not told 250: it will come again (pitfalls P14).
    await spool.remove(id)
  }
  if (!kept || !awaited()) return replies.ourFault
  announce(id)
  log.info(logged, 'Accepted')
  return accepted(id)
})

/** Copied out before the first await: afterwards the connection may hold nothing of it. */
function envelopeOf(connection: Connection, smtpUtf8: boolean): Envelope {
  const { hostname } = edge().config
  const { tls, remote, hello, transaction } = connection
  if (transaction === null) throw new Error('there is no transaction')
  return {
    remoteIp: remote.ip,
    helo: hello.host ?? '',
    reversePath: transaction.mail_from.address,
    recipients: transaction.rcpt_to.map((each) => addressOf(each, hostname)),
    protocol: protocolOf(connection, smtpUtf8),
    ...(tls.enabled
      ? {
          tls: {
            version: tls.cipher?.version ?? 'unknown',
            cipher: tls.cipher?.standardName ?? tls.cipher?.name ?? 'unknown',
          },
        }
      : {}),
  }
}
