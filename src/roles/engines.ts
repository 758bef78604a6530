/** The engines put together from the configuration: the virus scanner and the spam filter there are. */
import type { Config } from '../config/options.ts'
import { rspamdFilter, type SpamFilter } from '../verdicts/spam.ts'
import { clamdScanner, type VirusScanner } from '../verdicts/virus.ts'
import { clamdPlace } from './clamd.ts'

export type Engines = {
  readonly virus: VirusScanner | undefined
  readonly spam: SpamFilter | undefined
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
  return { virus, spam }
}

/** Name → what can tell how it is; only those that are switched on. */
export function enginesOf({ virus, spam }: Engines) {
  const all = [
    ['clamd', virus],
    ['rspamd', spam],
  ] as const
  return all.flatMap(([name, engine]) => (engine === undefined ? [] : [[name, engine] as const]))
}
