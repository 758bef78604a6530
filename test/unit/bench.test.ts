/** What the benchmark makes of its figures; that it measures rightly no test can say. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { chartOf } from '../../bench/chart.ts'
import { goals, meets } from '../../bench/goals.ts'
import { cpuMs, memoryOf } from '../../bench/processes.ts'
import { type Results, rowOf } from '../../bench/report.ts'
import { type Measured, ratioOf } from '../../bench/rounds.ts'
import { textOf } from '../../bench/tables.ts'

const measured = (...rates: number[]): Measured => ({
  rounds: rates.map((rate) => ({ messages: rate, rate, cpu: 1000 / rate, engines: 0 })),
  memory: 50 * 1_048_576,
})

test('ratios are taken within a round, so that a slow minute of the machine meets both', () => {
  expect(ratioOf(measured(100, 10, 50), measured(200, 20, 100))).toBe(0.5)
})

test('a server that has fewer rounds is compared in those it has', () => {
  expect(ratioOf(measured(100, 300, 1), measured(100))).toBe(1)
})

test('of two rounds neither is the median', () => {
  expect(ratioOf(measured(100, 300), measured(100, 100))).toBe(2)
})

test.each([
  ['accept_vs_postfix_4k', 1, true, 'at least'],
  ['accept_vs_postfix_4k', 0.99, false, 'at least'],
  ['rules_100k_vs_100', 2, true, 'at most: it is a cost'],
  ['rules_100k_vs_100', 2.01, false, 'at most: it is a cost'],
] as const)('%s of %d: reached %s (%s)', (name, ratio, reached, _why) => {
  expect(meets(goals[name], ratio)).toBe(reached)
})

const words = { group: 'accept', load: '4 KiB, 16 sessions' }
const results: Results = {
  ...{ when: '2026-01-01T00:00:00.000Z', commit: 'abc', form: 'full', seconds: 500 },
  machine: '2 x <CPU> & more',
  ratios: { accept_vs_postfix_4k: 1.25, rules_100k_vs_100: 3 },
  rows: [
    rowOf({ ...words, server: 'Postern' }, measured(100, 120, 110)),
    rowOf({ ...words, server: 'Postfix' }, measured(80, 90, 85), 1.25),
  ],
  latency: [{ name: 'Postern', rate: 80, most: 100, p50: 10, p99: 25, messages: 300 }],
  leftOut: ['ceph: it did not start'],
}

test('the table says of each server what a message costs, and of each goal whether it is reached', () => {
  const text = textOf(results)
  expect(text).toMatch(/Postern +110 +100-120 +9\.09 +50$/m)
  expect(text).toMatch(/Postfix +85 +80-90 +11\.76 +50 +1\.25 x$/m)
  expect(text).toMatch(/1\.25 +>= 1 +reached$/m)
  expect(text).toMatch(/3\.00 +<= 2 +NOT reached$/m)
  expect(text).toContain('left out: ceph: it did not start')
  expect(text).toMatch(/10\.0 +25\.0 +2\.5 x +300$/m)
})

test('the chart is one SVG with a bar for each ratio and each server', () => {
  const chart = chartOf({ ...results, commit: '<script>' })
  expect(chart.match(/<rect /g)).toHaveLength(4)
  expect(chart).not.toContain('<script>')
})

test('the processor time of a process includes that of children that have ended', async () => {
  const busy =
    'let n=0; const t=process.hrtime.bigint(); while(process.hrtime.bigint()-t<200000000n)n++'
  const script = `${process.execPath} -e '${busy}'; echo done; read line`
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] })
  try {
    await once(child.stdout, 'data')
    const pid = child.pid ?? 0
    expect(cpuMs([pid])).toBeGreaterThan(50)
    expect(memoryOf([pid])).toBeGreaterThan(0)
  } finally {
    child.kill('SIGKILL')
  }
})
