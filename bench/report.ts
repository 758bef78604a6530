/** What a run found, and the table, the JSON and the Markdown of it. */
import type { Group, LoadCase, ServerName } from './cases.ts'
import { quantile } from './measure.ts'
import { type Measured, ratioOf } from './rounds.ts'

export type Row = {
  readonly group: string
  /** What is sent, and how. */
  readonly load: string
  /** Who takes it, and what it does with it. */
  readonly server: string
  readonly name: ServerName
  /** Messages in a second. */
  readonly rate: { readonly median: number; readonly min: number; readonly max: number }
  /** Milliseconds of processor of a message. */
  readonly cpuMs: number
  readonly enginesCpuMs: number
  readonly memoryMiB: number
  /** Postern's rate over this one's, the median of the rounds. */
  readonly posternIs: number
}

export function describeLoad({ octets, sessions, kept }: LoadCase, { extra }: Group): string {
  const size = octets < 1_048_576 ? `${octets / 1024} KiB` : `${octets / 1_048_576} MiB`
  const connections = kept ? 'kept connections' : 'a new connection for each message'
  return `${size}, ${sessions} session${sessions === 1 ? '' : 's'}, ${connections}${extra === 'tls' ? ', STARTTLS' : ''}`
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
    postern: 'Postern with clamd and rspamd: SPF DKIM DMARC, virus, spam',
    postfix: 'Postfix, rspamd (milter), clamd: SPF DKIM DMARC, virus, spam',
  }
  return (extra === 'engines' ? scanning[name] : undefined) ?? texts[name]
}

export function rowsOf(
  group: Group,
  load: LoadCase,
  found: ReadonlyMap<ServerName, Measured>,
): Row[] {
  const own = found.get('postern')
  return [...found].map(([name, measured]) => {
    const { rounds, memory } = measured
    const rates = rounds.map(({ rate }) => rate)
    const median = (pick: (round: (typeof rounds)[number]) => number): number =>
      quantile(rounds.map(pick), 0.5)
    return {
      group: group.name,
      load: describeLoad(load, group),
      server: describeServer(name, group),
      name,
      rate: {
        median: median(({ rate }) => rate),
        min: Math.min(...rates),
        max: Math.max(...rates),
      },
      cpuMs: median(({ cpu }) => cpu),
      enginesCpuMs: median(({ engines }) => engines),
      memoryMiB: memory / 1_048_576,
      posternIs: ratioOf(own, measured),
    }
  })
}

const head = ['msgs/s', 'min-max', 'CPU ms', 'MiB', 'Postern is']

/** One row a line, a heading for each load. */
export function tableOf(rows: readonly Row[]): string {
  const lines: string[] = []
  const width = Math.max(...rows.map(({ server }) => server.length))
  let load = ''
  for (const row of rows) {
    if (row.load !== load) {
      load = row.load
      lines.push('', load)
      lines.push(`  ${''.padEnd(width)}${cellsOf(head)}`)
    }
    lines.push(`  ${row.server.padEnd(width)}${cellsOf(figuresOf(row))}`)
  }
  return `${lines.join('\n')}\n`
}

function figuresOf({ rate, cpuMs, enginesCpuMs, memoryMiB, posternIs, name }: Row): string[] {
  const engines = enginesCpuMs > 0 ? ` + ${enginesCpuMs.toFixed(2)}` : ''
  return [
    rate.median.toFixed(0),
    `${rate.min.toFixed(0)}-${rate.max.toFixed(0)}`,
    `${cpuMs.toFixed(2)}${engines}`,
    memoryMiB.toFixed(0),
    name === 'postern' ? '' : `${posternIs.toFixed(2)} x`,
  ]
}

function cellsOf(cells: readonly string[]): string {
  const widths = [8, 12, 13, 6, 12]
  return cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('')
}
