/** Haraka's own log records go where ours go, as JSON with control characters escaped. pitfalls P25 */
import { ok } from 'haraka-constants'
import type { Next, Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'

export function register(this: Plugin): void {
  this.register_hook('log', 'onLog')
}

type HarakaRecord = { readonly level: string; readonly data: string }

/** Haraka says some things below warn before it has read its log level. */
const levels: Readonly<Record<string, 'warn' | 'error'>> = {
  WARN: 'warn',
  ERROR: 'error',
  CRIT: 'error',
  ALERT: 'error',
  EMERG: 'error',
}

/** Not wrapped by hook(): the connection is Haraka's logger here, and nothing waits for the answer. */
export const onLog = (next: Next, _logger: unknown, { level, data }: HarakaRecord): void => {
  const ours = levels[level]
  if (ours !== undefined) log[ours]({ haraka: data }, 'Haraka says')
  next(ok)
}
