/**
 * Refuses recipients when the client's address is blocked: 550 5.7.1 with the name of the filter or
 * list. The lists are asked from connect on and nothing waits for them before RCPT. D§8
 */
import { edge } from '../src/edge.ts'
import type { Blocked } from '../src/filters/blocklists.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { type Answer, blockedByFilter, blockedByList, proceed } from '../src/haraka/replies.ts'
import type { Address, Connection, Parameters, Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'

export function register(this: Plugin): void {
  this.register_hook('connect', 'onConnect')
  this.register_hook('rcpt', 'onRcpt')
}

type Finding = Blocked | undefined

const findings = new WeakMap<Connection, { now: Finding | Promise<Finding> }>()

/** Here and not before: PROXY would still change the client's address (pitfalls P27). */
export const onConnect: Hook<undefined> = hook((connection) => {
  begin(connection)
  return proceed
})

/** At once where the finding is known: a wait would cost each recipient a turn of the event loop. */
export const onRcpt: Hook<[Address, Parameters]> = hook((connection, [recipient]) => {
  const { remote, hello, transaction } = connection
  const from = transaction?.mail_from.address
  const asked = { ip: remote.ip, helo: hello.host ?? '', from, recipient: recipient.address }
  const { now } = findings.get(connection) ?? begin(connection)
  return now instanceof Promise ? now.then((found) => answer(found, asked)) : answer(now, asked)
})

function begin(connection: Connection): { now: Finding | Promise<Finding> } {
  const finding = { now: edge().blocklists.check(connection.remote.ip) }
  findings.set(connection, finding)
  if (finding.now instanceof Promise) {
    void finding.now.then((found) => {
      finding.now = found
    })
  }
  return finding
}

type Asked = { readonly recipient: string; readonly [field: string]: string | undefined }

function answer(blocked: Finding, asked: Asked): Answer {
  if (blocked === undefined) return proceed
  // RFC 5321 §4.5.1: who is listed must have somebody to write to. A filter is meant as it is written.
  if (blocked.by === 'list' && /^"?postmaster"?(@|$)/i.test(asked.recipient)) return proceed
  const [cause, refusal] =
    blocked.by === 'filter'
      ? [{ filter: blocked.name, cidr: blocked.cidr }, blockedByFilter(blocked.name)]
      : [
          { list: blocked.zone, answers: blocked.answers },
          blockedByList(blocked.zone, blocked.reason),
        ]
  log.info({ ...asked, ...cause, reply: refusal.reply.text }, 'Refused a recipient: blocked client')
  return refusal
}
