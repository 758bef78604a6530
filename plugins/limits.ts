/** Who takes more than the limits allow, or than there is just now, is put off: 421, 451 or 452. D§2.7 */
import { edge } from '../src/edge.ts'
import { conductOf } from '../src/haraka/conduct.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { proceed, type Refusal, replies } from '../src/haraka/replies.ts'
import { mailState } from '../src/haraka/transaction.ts'
import type { Address, Parameters, Plugin } from '../src/haraka/types.ts'
import { seldom } from '../src/limits/seldom.ts'
import { log } from '../src/log.ts'

export function register(this: Plugin): void {
  this.register_hook('mail', 'onMail')
  this.register_hook('rcpt', 'onRcpt')
  this.register_hook('reset_transaction', 'onResetTransaction')
}

/** Counted for one recipient: an address of up to 320 octets, its parts, and the objects around them. */
const recipientBytes = 1024

const tell = seldom((reply: string) => log.warn({ reply }, 'Mail is put off'))

function putOff(answer: Refusal): Refusal {
  tell(answer.reply.text)
  return answer
}

export const onMail: Hook<[Address, Parameters]> = hook((connection) => {
  const { config, clients, memory, lag } = edge()
  const { ip } = connection.remote
  if (conductOf(connection)?.mayMail() === false) return replies.tooManyMessages
  if (!clients.mayMail(ip)) return replies.tooManyMessagesOfAddress
  // Who was let in is served, as long as that can be: a session refused here was work for nothing.
  if (lag.milliseconds() > 2 * config.smtp.limits.maxLagMs) return putOff(replies.busy)
  if (memory.isTight()) return putOff(replies.memoryLow)
  const state = mailState(connection)
  if (state !== undefined) state.memory = memory.open()
  return proceed
})

/** Before anything is looked up for the recipient. */
export const onRcpt: Hook<[Address, Parameters]> = hook((connection) => {
  const { clients } = edge()
  if (!clients.mayRcpt(connection.remote.ip)) return replies.tooManyRecipientsOfAddress
  const account = mailState(connection)?.memory
  const recipients = connection.transaction?.rcpt_to.length ?? 0
  if (account?.set(recipients * recipientBytes) === false) return putOff(replies.memoryLow)
  return proceed
})

export const onResetTransaction: Hook<undefined> = hook((connection) => {
  mailState(connection)?.memory?.close()
  return proceed
})
