/**
 * What a session may do in all: errors, commands that bring no mail, messages, time. Each reply is
 * seen here on its way out, and the one that was one too many is followed by 421 and the end.
 */
import { type Refusal, replies } from './replies.ts'
import type { Connection } from './types.ts'

export type ConductLimits = {
  readonly maxErrors: number
  readonly maxIdleCommands: number
  readonly maxMessagesPerSession: number
  readonly maxRecipients: number
}

export type Conduct = {
  /** Takes note of a reply, and of so many errors that went with it; the reply that must follow. */
  readonly note: (reply: Reply, errorsBeside: number) => Refusal['reply'] | undefined
  /** Counts a MAIL command, and whether it is still within the limit. */
  readonly mayMail: () => boolean
  /** When it got its last reply (performance.now). */
  readonly repliedAt: () => number
}

type Reply = { readonly code: number; readonly text: unknown }

/** Replies that wait for something of the client: 421 would be taken for a part of it. */
const opening = new Set([220, 221, 354, 421])

/** RFC 5321 §4.5.3.1.10: who sends too many recipients at once is to be told of each, within reason. */
const recipientsBeyond = 10

export function conduct(limits: ConductLimits): Conduct {
  let errors = 0
  let idle = 0
  let surplus = 0
  let messages = 0
  let repliedAt = performance.now()

  function count({ code, text }: Reply): void {
    if (text === replies.recipientAccepted.reply.text) return
    if (text === replies.tooManyRecipients.reply.text) {
      surplus += 1
      return
    }
    if (code >= 400) errors += 1
    idle = typeof text === 'string' && text.startsWith('OK ') ? 0 : idle + 1
  }

  return {
    note(reply, errorsBeside) {
      repliedAt = performance.now()
      if (opening.has(reply.code)) return undefined
      count(reply)
      errors += errorsBeside
      if (errors > limits.maxErrors || surplus > recipientsBeyond * limits.maxRecipients)
        return replies.tooManyErrors.reply
      return idle > limits.maxIdleCommands ? replies.tooManyCommands.reply : undefined
    },
    mayMail() {
      messages += 1
      surplus = 0
      return messages <= limits.maxMessagesPerSession
    },
    repliedAt: () => repliedAt,
  }
}

const conducts = new WeakMap<Connection, Conduct>()

export function watchConduct(connection: Connection, limits: ConductLimits): Conduct {
  const made = conduct(limits)
  conducts.set(connection, made)
  return made
}

export function conductOf(connection: Connection): Conduct | undefined {
  return conducts.get(connection)
}
