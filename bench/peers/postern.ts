/**
 * Postern as `postern serve` runs it, with what it needs here. What it does for a message is all it does:
 * byte-exact capture, SPF, DKIM and DMARC, rules, a spool that is fsynced before 250, the job in Redis.
 */
import {
  type PosternOptions,
  type RunningPostern,
  startPostern,
} from '../../test/support/postern.ts'
import { idle } from '../processes.ts'
import type { Certificate } from './certificate.ts'
import type { Server } from './server.ts'

export type OwnOptions = PosternOptions & {
  /** `127.0.0.1:PORT` of the name server. */
  readonly dns: string
  readonly certificate?: Certificate
  /** SMTP processes; 1 is the default. */
  readonly processes?: number
  /**
   * Whether the worker delivers. Where only taking mail is measured it is stopped (SIGSTOP) and delivers between
   * the rounds: the spool is what it is in a server that does both, neither new nor ever fuller.
   */
  readonly delivers?: boolean
}

export type OwnServer = Server & Pick<RunningPostern, 'spooled' | 'delivered' | 'pids' | 'host'>

export async function startOwn({
  dns,
  processes = 1,
  delivers = false,
  certificate,
  config = {},
  ...more
}: OwnOptions): Promise<OwnServer> {
  const tls = certificate === undefined ? {} : { tls: certificate.files }
  const postern = await startPostern({
    ...more,
    // To a file, as a service's log; this process is to have nothing to do meanwhile.
    under: ['sh', '-c', 'exec "$0" "$@" 2>>"$(dirname "$2")/log"'],
    config: {
      dns: { servers: [dns], timeoutMs: 5000 },
      // What tests make faster, as it is by default.
      delivery: { firstRetryMs: 5000, maxRetryMs: 3_600_000, sweepSeconds: 30 },
      ...config,
      smtp: { ...(config['smtp'] as object | undefined), processes, ...tls },
    },
  })
  const stop = (): Promise<void> => postern.killAll()
  if (delivers) return { ...postern, stop }
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of postern.pids()['worker'] ?? []) process.kill(pid, name)
  }
  const rest = async (): Promise<void> => {
    signal('SIGCONT')
    await postern.delivered()
    await idle([postern.pid])
    signal('SIGSTOP')
  }
  signal('SIGSTOP')
  return { ...postern, rest, stop }
}
