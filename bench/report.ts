/** What a run found, and the words for it. */
import type { Group, ServerName } from './cases.ts'
import type { RatioName } from './goals.ts'
import type { Latency } from './latency.ts'
import type { Load } from './load.ts'
import { median } from './measure.ts'
import type { MemoryFigures } from './memory.ts'
import type { Measured, Round } from './rounds.ts'

export type Row = {
  readonly group: string
  /** What is sent, and how. */
  readonly load: string
  /** Who takes it, and what it does with it. */
  readonly server: string
  /** Messages in a second. */
  readonly rate: { readonly median: number; readonly min: number; readonly max: number }
  /** Milliseconds of processor of a message: its own processes, and the scanners'. */
  readonly cpuMs: number
  readonly enginesCpuMs: number
  readonly memoryMiB: number
  /** Postern's rate over this one's, the median of the rounds; not where this is Postern. */
  readonly posternIs?: number
}

export type Results = {
  readonly when: string
  readonly commit: string
  readonly form: 'full' | 'quick'
  readonly seconds: number
  readonly machine: string
  readonly ratios: Readonly<Partial<Record<RatioName, number>>>
  readonly rows: readonly Row[]
  readonly latency: readonly Latency[]
  readonly memory?: MemoryFigures
  /** What there was no time for, or what could not be measured, and why. */
  readonly leftOut: readonly string[]
}

export function describeLoad({ octets, sessions, kept, tls }: Load): string {
  const size = octets < 1_048_576 ? `${octets / 1024} KiB` : `${octets / 1_048_576} MiB`
  const many = `${sessions} session${sessions === 1 ? '' : 's'}`
  const connections = kept ? 'kept connections' : 'a new connection for each message'
  return `${size}, ${many}, ${connections}${tls ? ', STARTTLS' : ''}`
}

export function describeServer(name: ServerName, { processes, scans }: Group): string {
  const many = processes === 1 ? '1 process' : `${processes} processes`
  const texts: Readonly<Record<ServerName, string>> = {
    haraka: 'Haraka, its defaults, 1 process: checks, keeps nothing',
    'haraka cluster': 'Haraka, its defaults, 2 processes: checks, keeps nothing',
    'haraka tuned': 'Haraka, log level warn, 1 process: checks, keeps nothing',
    postern: `Postern, ${many}: SPF DKIM DMARC, rules, fsynced spool, job`,
    postfix: 'Postfix: fsynced queue, discards; checks nothing',
  }
  const scanning: Readonly<Partial<Record<ServerName, string>>> = {
    postern: 'Postern, clamd, rspamd: SPF DKIM DMARC, virus, spam, spool',
    postfix: 'Postfix, clamd, rspamd: SPF DKIM DMARC, virus, spam, queue',
  }
  return (scans ? scanning[name] : undefined) ?? texts[name]
}

export function rowOf(
  words: Pick<Row, 'group' | 'load' | 'server'>,
  { rounds, memory }: Measured,
  posternIs?: number,
): Row {
  const rates = rounds.map(({ rate }) => rate)
  // Over all rounds: the kernel counts hundredths of a second.
  const messages = rounds.reduce((sum, round) => sum + round.messages, 0)
  const mean = (pick: (round: Round) => number): number =>
    rounds.reduce((sum, round) => sum + pick(round) * round.messages, 0) / messages
  return {
    ...words,
    rate: { median: median(rates), min: Math.min(...rates), max: Math.max(...rates) },
    cpuMs: mean(({ cpu }) => cpu),
    enginesCpuMs: mean(({ engines }) => engines),
    memoryMiB: memory / 1_048_576,
    ...(posternIs !== undefined && { posternIs }),
  }
}
