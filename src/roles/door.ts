/** Who may connect to an SMTP process: within the limits, and while it keeps up. */
import type { Config } from '../config/options.ts'
import type { Edge } from '../edge.ts'
import type { Door } from '../haraka/admission.ts'
import { type Refusal, replies } from '../haraka/replies.ts'
import type { Overdrawn } from '../limits/clients.ts'

const refusals: Readonly<Record<Overdrawn, Refusal>> = {
  connections: replies.tooManyConnections,
  'connections-of-client': replies.tooManyConnectionsOfAddress,
  'connections-in-minute': replies.tooManyConnectionsOfAddress,
}

export function doorOf({ clients, lag }: Edge, { maxLagMs }: Config['smtp']['limits']): Door {
  return {
    enter(ip) {
      if (lag.milliseconds() > maxLagMs) return replies.busyAtConnect.reply
      const over = clients.enter(ip)
      return over && refusals[over].reply
    },
    leave: clients.leave,
  }
}
