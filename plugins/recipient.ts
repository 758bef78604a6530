/** Accepts a recipient when some rule wants it; answers 550 5.1.1 otherwise. RFC 5321 §3.3 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { replies } from '../src/haraka/replies.ts'
import { addressOf } from '../src/haraka/transaction.ts'
import type { Address, Parameters, Plugin } from '../src/haraka/types.ts'
import { wants } from '../src/rules/evaluate.ts'

export function register(this: Plugin): void {
  this.register_hook('rcpt', 'onRcpt')
}

export const onRcpt: Hook<[Address, Parameters]> = hook((connection, [recipient]) => {
  const { config, rules } = edge()
  // Haraka has put this one on the list already.
  const count = connection.transaction?.rcpt_to.length ?? 0
  if (count > config.smtp.maxRecipients) return replies.tooManyRecipients
  const facts = { tls: connection.tls.enabled }
  const found = wants(rules, addressOf(recipient, config.hostname), facts)
  if (found.wanted) return replies.recipientAccepted
  return found.reason === 'tls-required' ? replies.tlsRequired : replies.noRule
})
