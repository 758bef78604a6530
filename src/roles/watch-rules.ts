/**
 * How the rules are, for who only tells of them. Reads the same files as the other processes, in the same
 * way, when it is asked after a change: what reads them takes longer to load than all else of the HTTP role.
 */
import type { Config } from '../config/options.ts'
import { problemsOf } from '../errors.ts'
import { onChange } from './rule-files.ts'

export type RulesWatch = {
  /** What is wrong with the files, the first of it; every process keeps the rules it had. */
  readonly trouble: () => Promise<string | undefined>
  /** When they were read last and could be used: milliseconds since 1970; 0 for never. */
  readonly loadedAt: () => Promise<number>
  readonly close: () => void
}

/** Whatever is in the files; the log is the other processes'. */
export function watchRules(config: Config): RulesWatch {
  let loadedAt = 0
  let reading: Promise<string | undefined> | undefined
  const read = async (): Promise<string | undefined> => {
    const { activeRuleSet } = await import('./resources.ts')
    try {
      activeRuleSet(config)
      loadedAt = Date.now()
      return undefined
    } catch (error) {
      return problemsOf(error)[0]
    }
  }
  const trouble = (): Promise<string | undefined> => {
    reading ??= read()
    return reading
  }
  const close = onChange(config, () => {
    reading = undefined
  })
  return {
    trouble,
    async loadedAt() {
      await trouble()
      return loadedAt
    },
    close,
  }
}
