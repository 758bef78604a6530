/** What a run found, as text. */
import { type Goal, goals, meets, ratioNames } from './goals.ts'
import type { Latency } from './latency.ts'
import { memoryHead, rowsOf as memoryRows } from './memory.ts'
import type { Results, Row } from './report.ts'

/** All of it as text, 120 columns at most. */
export function textOf(results: Results): string {
  const { latency, memory, leftOut } = results
  return [
    `Postern ${results.commit}, ${results.when}, ${results.form}, ${results.seconds} s; ${results.machine}`,
    ...tableOf(results.rows),
    ...(latency.length === 0 ? [] : latencyTable(latency)),
    ...(memory === undefined ? [] : ['', ...columns([[...memoryHead], ...memoryRows(memory)])]),
    ...goalTable(results),
    ...(leftOut.length === 0 ? [] : ['', ...leftOut.map((each) => `left out: ${each}`)]),
    '',
  ].join('\n')
}

const head = ['msgs/s', 'min-max', 'CPU ms', 'MiB', 'Postern is']

function tableOf(rows: readonly Row[]): string[] {
  const lines = columns([['', ...head], ...rows.map((row) => [row.server, ...figuresOf(row)])])
  const [heading = '', ...shown] = lines
  return shown.flatMap((line, index) => {
    const [{ load, group }, above] = [rows[index] as Row, rows[index - 1]]
    const same = load === above?.load && group === above.group
    return same ? [line] : ['', load, heading, line]
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

function goalTable(results: Results): string[] {
  const ratios = ratioNames.map((name): [Goal, number | undefined] => [
    goals[name],
    results.ratios[name],
  ])
  const rows = [...ratios, ...otherGoals(results)].flatMap(([goal, is]) => {
    if (is === undefined) return []
    const wanted = `${goal.atMost ? '<=' : '>='} ${goal.goal}`
    return [[goal.what, is.toFixed(2), wanted, meets(goal, is) ? 'reached' : 'NOT reached']]
  })
  return rows.length === 0 ? [] : ['', ...columns([['goals', 'is', 'goal', ''], ...rows])]
}

/** What is no ratio of rates. */
function otherGoals({ rows, latency, memory }: Results): [Goal, number][] {
  const [own, postfix] = rows.filter(({ group }) => group === 'engines')
  const waits = latency.find(({ name }) => name.startsWith('Postern'))
  const found: [string, number, number][] = []
  if (own !== undefined && postfix !== undefined) {
    found.push(["with scanners: CPU beyond theirs / Postfix's", own.cpuMs / postfix.cpuMs, 0.6])
  }
  if (waits !== undefined)
    found.push(['from the final dot to 250: p99 / p50', waits.p99 / waits.p50, 3])
  for (const [size, each] of Object.entries(memory?.messageMiB ?? {})) {
    const what = `MiB for each of sixteen messages of ${size} MB`
    found.push([`${what}, SMTP process`, each.smtp, 12], [`${what}, worker`, each.worker, 12])
  }
  if (memory !== undefined)
    found.push(['KiB for an idle connection', memory.connectionKiB.more, 30])
  return found.map(([what, is, goal]) => [{ what, goal, atMost: true }, is])
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
