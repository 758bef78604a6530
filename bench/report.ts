/** What a run found, and the tables of it. */
import type { Group, LoadCase, ServerName } from './cases.ts'
import { type Goal, goals, isReached, type RatioName, ratioNames } from './goals.ts'
import type { Latency } from './latency.ts'
import { quantile } from './measure.ts'
import { type MemoryFigures, memoryHead, rowsOf as memoryRows } from './memory.ts'
import type { Measured } from './rounds.ts'

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

export function describeLoad({ octets, sessions, kept }: LoadCase, { extra }: Group): string {
  const size = octets < 1_048_576 ? `${octets / 1024} KiB` : `${octets / 1_048_576} MiB`
  const many = `${sessions} session${sessions === 1 ? '' : 's'}`
  const connections = kept ? 'kept connections' : 'a new connection for each message'
  return `${size}, ${many}, ${connections}${extra === 'tls' ? ', STARTTLS' : ''}`
}

export function describeServer(name: ServerName, { processes, extra }: Group): string {
  const many = processes === 1 ? '' : `, ${processes} processes`
  const texts: Readonly<Record<ServerName, string>> = {
    haraka: `Haraka${many}, its defaults: checks and keeps nothing`,
    'haraka tuned': `Haraka${many}, log level warn: checks and keeps nothing`,
    postern: `Postern${many}: SPF DKIM DMARC, rules, fsynced spool, job`,
    postfix: 'Postfix: fsynced queue, discards; checks nothing',
  }
  const scanning: Readonly<Partial<Record<ServerName, string>>> = {
    postern: 'Postern, clamd, rspamd: SPF DKIM DMARC, virus, spam, spool',
    postfix: 'Postfix, clamd, rspamd: SPF DKIM DMARC, virus, spam, queue',
  }
  return (extra === 'engines' ? scanning[name] : undefined) ?? texts[name]
}

export function rowOf(
  words: Pick<Row, 'group' | 'load' | 'server'>,
  { rounds, memory }: Measured,
  posternIs?: number,
): Row {
  const rates = rounds.map(({ rate }) => rate)
  const median = (pick: (round: (typeof rounds)[number]) => number): number =>
    quantile(rounds.map(pick), 0.5)
  return {
    ...words,
    rate: { median: median(({ rate }) => rate), min: Math.min(...rates), max: Math.max(...rates) },
    cpuMs: median(({ cpu }) => cpu),
    enginesCpuMs: median(({ engines }) => engines),
    memoryMiB: memory / 1_048_576,
    ...(posternIs !== undefined && { posternIs }),
  }
}

/** All of it as text, 120 columns at most. */
export function textOf(results: Results): string {
  const { latency, memory, leftOut } = results
  return [
    `Postern ${results.commit}, ${results.when}, ${results.form}, ${results.seconds} s; ${results.machine}`,
    ...tableOf(results.rows),
    ...(latency.length === 0 ? [] : latencyTable(latency)),
    ...(memory === undefined ? [] : ['', ...columns([[...memoryHead], ...memoryRows(memory)])]),
    ...ratioTable(results.ratios),
    ...(leftOut.length === 0 ? [] : ['', ...leftOut.map((each) => `left out: ${each}`)]),
    '',
  ].join('\n')
}

const head = ['msgs/s', 'min-max', 'CPU ms', 'MiB', 'Postern is']

function tableOf(rows: readonly Row[]): string[] {
  const lines = columns([['', ...head], ...rows.map((row) => [row.server, ...figuresOf(row)])])
  const [heading = '', ...shown] = lines
  return shown.flatMap((line, index) => {
    const { load } = rows[index] as Row
    return load === rows[index - 1]?.load ? [line] : ['', load, heading, line]
  })
}

function figuresOf({ rate, cpuMs, enginesCpuMs, memoryMiB, posternIs }: Row): string[] {
  const engines = enginesCpuMs > 0 ? ` + ${enginesCpuMs.toFixed(2)}` : ''
  return [
    rate.median.toFixed(0),
    `${rate.min.toFixed(0)}-${rate.max.toFixed(0)}`,
    `${cpuMs.toFixed(2)}${engines}`,
    memoryMiB.toFixed(0),
    posternIs === undefined ? '' : `${posternIs.toFixed(2)} x`,
  ]
}

function latencyTable(all: readonly Latency[]): string[] {
  const rows = all.map(({ name, most, rate, p50, p99, messages }) => [
    name,
    ...[most, rate].map((each) => each.toFixed(0)),
    ...[p50, p99].map((each) => each.toFixed(1)),
    ...[`${(p99 / p50).toFixed(1)} x`, String(messages)],
  ])
  const names = ['from the final dot to 250, ms; 64 KiB, at 80 % of the most', 'most/s', 'sent/s']
  return ['', ...columns([[...names, 'p50', 'p99', 'p99/p50', 'messages'], ...rows])]
}

function ratioTable(ratios: Results['ratios']): string[] {
  const rows = ratioNames.flatMap((name) => {
    const ratio = ratios[name]
    if (ratio === undefined) return []
    const { what, goal, atMost }: Goal = goals[name]
    const wanted = `${atMost ? '<=' : '>='} ${goal}`
    return [[what, ratio.toFixed(2), wanted, isReached(name, ratio) ? 'reached' : 'NOT reached']]
  })
  return rows.length === 0 ? [] : ['', ...columns([['ratio', 'is', 'goal', ''], ...rows])]
}

/** As wide as their widest cell: the first to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  return rows.map((row) => {
    const cells = row.map((cell, at) => {
      const width = widths[at] ?? 0
      return at === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return `  ${cells.join('  ')}`.trimEnd()
  })
}
