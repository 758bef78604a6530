/** Who may connect to an SMTP process: within the limits, and while it keeps up. */
import type { Config } from '../config/options.ts'
import type { Edge } from '../edge.ts'
import type { Door } from '../haraka/admission.ts'
import { type Refusal, replies } from '../haraka/replies.ts'
import type { Overdrawn } from '../limits/clients.ts'
import { seldom } from '../limits/seldom.ts'
import { log } from '../log.ts'

const refusals: Readonly<Record<Overdrawn, Refusal>> = {
  connections: replies.tooManyConnections,
  'connections-of-client': replies.tooManyConnectionsOfAddress,
  'connections-in-minute': replies.tooManyConnectionsOfAddress,
}

const tell = seldom((reply: string) => log.warn({ reply }, 'Connections are refused'))

export function doorOf({ clients, lag }: Edge, { maxLagMs }: Config['smtp']['limits']): Door {
  return {
    enter(ip) {
      if (lag.milliseconds() > maxLagMs) {
        tell(replies.busyAtConnect.reply.text)
        return replies.busyAtConnect.reply
      }
      const over = clients.enter(ip)
      // Of single clients `clients` tells.
      if (over === 'connections') tell(refusals[over].reply.text)
      return over && refusals[over].reply
    },
    leave: clients.leave,
  }
}
