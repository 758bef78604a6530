/** What the parts of a run are given, and where they put what they find. */
import type { RatioName } from './goals.ts'
import type { Latency } from './latency.ts'
import type { Mail } from './load.ts'
import type { MemoryFigures } from './memory.ts'
import type { Row } from './report.ts'

export type Run = {
  readonly quick: boolean
  /** Of one server in one round. */
  readonly seconds: number
  readonly rounds?: number
  readonly mail: Mail
  readonly dns: string
  readonly rows: Row[]
  readonly ratios: Partial<Record<RatioName, number>>
  readonly latency: Latency[]
  memory?: MemoryFigures
}
