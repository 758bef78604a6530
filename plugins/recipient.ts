/** Accepts a recipient when some rule wants it; answers 550 5.1.1 otherwise. RFC 5321 §3.3 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { isInternational } from '../src/haraka/parameters.ts'
import { replies } from '../src/haraka/replies.ts'
import { addressOf, mailState } from '../src/haraka/transaction.ts'
import type { Address, Parameters, Plugin } from '../src/haraka/types.ts'
import { wants } from '../src/rules/evaluate.ts'

export function register(this: Plugin): void {
  this.register_hook('rcpt', 'onRcpt')
}

export const onRcpt: Hook<[Address, Parameters]> = hook((connection, [recipient, parameters]) => {
  const { config, rules } = edge()
  // RFC 5321 §4.1.1.11: EHLO offers nothing that RCPT could ask for.
  if (Object.keys(parameters).length > 0) return replies.unknownParameter
  if (isInternational(recipient) && !mailState(connection)?.smtpUtf8) return replies.needsSmtpUtf8
  // Haraka has put this one on the list already.
  const count = connection.transaction?.rcpt_to.length ?? 0
  if (count > config.smtp.maxRecipients) return replies.tooManyRecipients
  const facts = { tls: connection.tls.enabled }
  const found = wants(rules, addressOf(recipient, config.hostname), facts)
  if (found.wanted) return replies.recipientAccepted
  return found.reason === 'tls-required' ? replies.tlsRequired : replies.noRule
})
