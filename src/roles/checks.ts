/** The checks put together from the configuration: which engines there are, and how they are. */
import type { Config } from '../config/options.ts'
import type { Dns } from '../dns/resolver.ts'
import { authenticate } from '../verdicts/authenticate.ts'
import type { Checks } from '../verdicts/judge.ts'
import { openEngines } from './engines.ts'

export function openChecks(config: Config, dns: Dns): Checks {
  const { virus, spam } = openEngines(config)
  const options = { hostname: config.hostname, ...config.authentication }
  return {
    authenticate: (message, envelope, signal) =>
      authenticate(message, envelope, options, dns, signal),
    virus: virus && ((message, _envelope, signal) => virus.scan(message, signal)),
    spam: spam?.judge,
  }
}
