/**
 * What an SMTP process does that has sessions: Haraka in this process. On a stop the listeners close, idle
 * sessions are told 421, and a message under way still gets its answer.
 */
import type { Config } from '../config/options.ts'
import { openEdge } from '../edge.ts'
import {
  guardListeners,
  keepCertificate,
  listening,
  startHaraka,
  stopListening,
} from '../haraka/server.ts'
import { cutSessions, drainSessions } from '../haraka/sessions.ts'
import { log } from '../log.ts'
import { doorOf } from './door.ts'
import { certificateOf, places } from './prepare.ts'
import { redisPlace } from './redis-server.ts'
import { listeningMessage } from './smtp-state.ts'
import { cutMs, onStop, stopTimes, within } from './stop.ts'

/**
 * Resolves with the addresses it listens on. Haraka's home has been written. `again`: it takes the place of
 * one that died. Throws `UserError`.
 */
export async function serveSessions(config: Config, again: boolean): Promise<readonly string[]> {
  const addresses = Promise.withResolvers<readonly string[]>()
  const edge = await openEdge(config, redisPlace(config), again)
  onStop(async () => {
    stopListening()
    const drained = drainSessions()
    await within(stopTimes(config).sessionsMs, drained)
    const cut = cutSessions()
    if (cut > 0) log.warn({ cut }, 'Sessions did not end in time and were told 421')
    await within(cutMs, drained)
    await edge.close()
  })
  startHaraka(places(config.dataDir).haraka, () => {
    guardListeners(doorOf(edge, config.smtp.limits))
    keepCertificate(certificateOf(config).files)
    process.send?.({ ...listeningMessage, addresses: listening() })
    addresses.resolve(listening())
  })
  return addresses.promise
}
