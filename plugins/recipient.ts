/** Accepts a recipient when some rule wants it; answers 550 5.1.1 otherwise. RFC 5321 §3.3 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { isInternational, isMangled } from '../src/haraka/parameters.ts'
import { bounced, replies } from '../src/haraka/replies.ts'
import { addressOf, mailState } from '../src/haraka/transaction.ts'
import type { Address, Parameters, Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'
import { wants } from '../src/rules/evaluate.ts'
import type { RuleSets } from '../src/rules/plan.ts'

export function register(this: Plugin): void {
  this.register_hook('rcpt', 'onRcpt')
}

export const onRcpt: Hook<[Address, Parameters]> = hook((connection, [recipient, parameters]) => {
  const { hostname, smtp } = edge().config
  const { transaction, tls, hello, remote } = connection
  const state = mailState<never, RuleSets>(connection)
  if (state === undefined || transaction === null) return replies.ourFault
  // RFC 5321 §4.1.1.11: EHLO offers nothing that RCPT could ask for.
  if (Object.keys(parameters).length > 0) return replies.unknownParameter
  if (isMangled(recipient)) return replies.badRecipient
  if (isInternational(recipient) && !state.smtpUtf8) return replies.needsSmtpUtf8
  // Haraka has put this one on the list already.
  if (transaction.rcpt_to.length > smtp.maxRecipients) return replies.tooManyRecipients
  const address = addressOf(recipient, hostname)
  const facts = {
    tls: tls.enabled,
    reversePath: transaction.mail_from.address,
    helo: hello.host ?? '',
    remoteIp: remote.ip,
  }
  const { active, shadow } = state.rules
  const found = wants(active.compiled, address, facts)
  if (shadow !== undefined) {
    const other = wants(shadow.compiled, address, facts)
    if (other.wanted !== found.wanted)
      log.info(
        { recipient: address, wanted: found.wanted, shadow: shadow.name, byShadow: other.wanted },
        'The shadow rule set answers RCPT otherwise',
      )
  }
  if (found.wanted) return replies.recipientAccepted
  if (found.reason === 'bounce') {
    const { SmtpReplyCode, StatusCode, Message } = found.bounce
    const answer = bounced(SmtpReplyCode, StatusCode, Message)
    const { reversePath: from, helo, remoteIp: ip } = facts
    log.info({ ip, helo, from, recipient: address, ...answer.reply }, 'Bounced by a rule at RCPT')
    return answer
  }
  return found.reason === 'tls-required' ? replies.tlsRequired : replies.noRule
})
