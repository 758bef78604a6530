/**
 * Rule sets of any size: what loading costs, and what a message costs, 100 000 patterns in 10 000 rules
 * beside 100 rules. The same functions as in the server, one process, no network.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type CompiledRuleSet, compile, evaluate, outlook, wants } from '../src/rules/evaluate.ts'
import { loadRuleSet, parseRuleSet } from '../src/rules/load.ts'
import type { RuleSet } from '../src/rules/rule-set.ts'
import { costOf, medianCost, printFigures, quantile } from './measure.ts'
import { manyRules, recipientOf } from './rule-sets.ts'

type Size = { readonly rules: number; readonly patterns: number }

const tiny: Size = { rules: 10, patterns: 100 }
const small: Size = { rules: 100, patterns: 1000 }
const large: Size = { rules: 10_000, patterns: 100_000 }
const domains = ['example.com', 'example.net']

export async function benchRules(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-bench-'))
  try {
    loading(directory)
    perMessage()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function loading(directory: string): void {
  const rows = [small, large].flatMap((size) => {
    const set = manyRules(size.rules, size.patterns)
    const files = { 'a.json': JSON.stringify(set, null, 4), 'b.yaml': stringify(set) }
    return Object.entries(files).map(([file, text]) => {
      const path = join(directory, file)
      writeFileSync(path, text)
      const { wall, cpu } = medianCost(5, () =>
        compile(loadRuleSet(directory, file.slice(0, 1), { domains }).ruleSet, domains),
      )
      const octets = `${(statSync(path).size / 1e6).toFixed(1)} MB`
      const format = file.endsWith('.json') ? 'JSON' : 'YAML'
      return [
        String(size.rules),
        String(size.patterns),
        format,
        octets,
        wall.toFixed(0),
        cpu.toFixed(0),
      ]
    })
  })
  printFigures(
    'Loading a rule set (read, check, index), median of 5; to be under 2000 ms',
    ['rules', 'patterns', 'format', 'file', 'ms', 'ms of CPU'],
    rows,
  )
}

function perMessage(): void {
  const targets = targetsOf(small, large)
  const rows = [1, 5].map((recipients) => {
    const [one, other] = inTurns(targets, recipients, 21)
    return [String(recipients), one.toFixed(2), other.toFixed(2), `${(other / one).toFixed(2)} x`]
  })
  printFigures(
    `What a message costs (wanted at RCPT, looked at before the checks, evaluated at its end), median; ${large.rules} rules to be at most 2 x`,
    ['recipients', `${small.rules} rules, us`, `${large.rules} rules, us`, 'ratio'],
    rows,
  )
}

/** What a message to one recipient costs with 100 000 patterns, over what it costs with 100. */
export function rulesRatio(): number {
  const [one, other] = inTurns(targetsOf(tiny, large), 1, 105)
  return other / one
}

function targetsOf(...sizes: readonly [Size, Size]): readonly [Target, Target] {
  return sizes.map(({ rules, patterns }) => ({
    compiled: compile(ruleSetOf(rules, patterns), domains),
    rules,
  })) as [Target, Target]
}

/** Medians; in turns, so that whatever else the machine does meets both sizes alike. */
function inTurns(
  [few, many]: readonly [Target, Target],
  recipients: number,
  rounds: number,
): readonly [number, number] {
  const costs: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round += 1) {
    costs[0].push(microseconds(few, recipients))
    costs[1].push(microseconds(many, recipients))
  }
  // The first rounds warm the machine up.
  return costs.map((each) => quantile(each.slice(5), 0.5)) as [number, number]
}

function ruleSetOf(rules: number, patterns: number): RuleSet {
  const { ruleSet, problems } = parseRuleSet(JSON.stringify(manyRules(rules, patterns)), 'a.json')
  if (ruleSet === undefined) throw new Error(problems.join('\n'))
  return ruleSet
}

type Target = { readonly compiled: CompiledRuleSet; readonly rules: number }

/** Processor time of one message among 2000 to different recipients. */
function microseconds({ compiled, rules }: Target, recipients: number): number {
  const messages = Array.from({ length: 2000 }, (_, message) =>
    Array.from({ length: recipients }, (_, place) =>
      recipientOf((message * 7919 + place * 104_729) % rules, (message + place) % 10),
    ),
  )
  const session = { tls: false }
  const { cpu } = costOf(() => {
    for (const to of messages) {
      for (const each of to) wants(compiled, each, session)
      outlook(compiled, { ...session, recipients: to })
      evaluate(compiled, { ...session, recipients: to })
    }
  })
  return (cpu * 1000) / messages.length
}
