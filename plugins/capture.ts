/** Takes the message exactly as it comes, to the spool's draft, or refuses it at its end. D§2.4 */
import { edge } from '../src/edge.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { type Answer, proceed, replies } from '../src/haraka/replies.ts'
import { takeData } from '../src/haraka/take-data.ts'
import { mailState } from '../src/haraka/transaction.ts'
import type { Plugin } from '../src/haraka/types.ts'
import { dataReader, type Fault } from '../src/mail/data-reader.ts'

export function register(this: Plugin): void {
  this.register_hook('data', 'onData')
  this.register_hook('data_post', 'onDataPost')
  this.register_hook('reset_transaction', 'onResetTransaction')
}

const refusals: Readonly<Record<Fault, Answer>> = {
  'no-memory': replies.memoryLow,
  'too-large': replies.tooLarge,
  'bare-cr': replies.bareCr,
  'bare-lf': replies.bareLf,
  nul: replies.nul,
  'line-too-long': replies.lineTooLong,
  'header-too-large': replies.headerTooLarge,
}

export const onData: Hook<undefined> = hook((connection) => {
  const state = mailState(connection)
  if (state === undefined) return replies.ourFault
  const { smtp } = edge().config
  const draft = edge().spool.receive(smtp.memoryMessageBytes)
  const reader = dataReader(smtp, (octets) => draft.write(octets))
  state.capture = { reader, draft }
  const { memory } = state
  const before = memory?.held() ?? 0
  // One that is a little too large is told so at its end; one that goes on and on has none.
  takeData(connection, 2 * smtp.maxMessageBytes, (chunk) => {
    const end = reader.feed(chunk)
    if (memory?.set(before + draft.held + reader.held()) === false) {
      reader.giveUp()
      draft.discard()
      memory.set(before)
    }
    return end < 0 && draft.congested ? draft.drained().then(() => -1) : end
  })
  return proceed
})

export const onDataPost: Hook<undefined> = hook((connection) => {
  const reader = mailState(connection)?.capture?.reader
  if (reader === undefined) return replies.ourFault
  const fault = reader.fault()
  if (fault !== undefined) return refusals[fault]
  return hops(reader.header()) > edge().config.smtp.maxHops ? replies.mailLoop : proceed
})

/** RFC 5321 §6.3: a loop is known by the number of Received fields. */
function hops(header: Buffer): number {
  return header.toString('latin1').match(/^received[ \t]*:/gim)?.length ?? 0
}

/** Runs at the end of every transaction, the client's disappearance included. */
export const onResetTransaction: Hook<undefined> = hook((connection) => {
  const state = mailState(connection)
  state?.stopChecks?.()
  if (state?.committing !== true) state?.capture?.draft.discard()
  return proceed
})
