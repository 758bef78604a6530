/** The checks put together from the configuration: which engines there are, and how they are. */
import type { Config } from '../config/options.ts'
import type { Dns } from '../dns/resolver.ts'
import { authenticate } from '../verdicts/authenticate.ts'
import type { Checks } from '../verdicts/judge.ts'
import { rspamdFilter, type SpamFilter } from '../verdicts/spam.ts'
import { clamdScanner, type VirusScanner } from '../verdicts/virus.ts'
import { clamdPlace } from './clamd.ts'

export type Engines = {
  readonly virus: VirusScanner | undefined
  readonly spam: SpamFilter | undefined
  readonly close: () => void
}

/** The scanner and the filter; `undefined` for what is switched off or not on this machine. */
export function openEngines(config: Config): Engines {
  const { scan, concurrency } = config.virus
  const clamd = clamdPlace(config)
  const virus = clamd && clamdScanner({ ...clamd, scan, concurrency })
  const { rspamd, ...scores } = config.spam
  const spam =
    rspamd === 'off'
      ? undefined
      : rspamdFilter({ url: rspamd, hostname: config.hostname, ...scores })
  return {
    virus,
    spam,
    close() {
      spam?.close()
    },
  }
}

export function openChecks(
  config: Config,
  dns: Dns,
): { readonly checks: Checks; readonly close: () => void } {
  const { virus, spam, close } = openEngines(config)
  const options = { hostname: config.hostname, ...config.authentication }
  return {
    checks: {
      authenticate: (message, envelope, signal) =>
        authenticate(message, envelope, options, dns, signal),
      virus: virus && ((message, _envelope, signal) => virus.scan(message, signal)),
      spam: spam?.judge,
    },
    close,
  }
}
