/**
 * Runs kept messages through the rules, one by one, and tells of each: for `postern replay` and
 * `postern quarantine release`. One that fails is told with its reason and stops no other.
 */
import type { Config } from '../config/options.ts'
import { describeError, UserError } from '../errors.ts'
import type { Replay } from '../mail/receipt.ts'
import { commitAgain, planAgain, type ReplayPlan } from '../replay/again.ts'
import { compare, inWords, knownStep } from '../replay/compare.ts'
import type { Kept } from '../replay/kept.ts'
import { activeRuleSet, resourceProblems } from '../roles/resources.ts'
import { compile } from '../rules/evaluate.ts'
import { loadRuleSet } from '../rules/load.ts'
import type { NamedRules } from '../rules/plan.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import { freeSpace } from '../spool/free-space.ts'
import type { Spool } from '../spool/spool.ts'
import { announceAll } from './announce.ts'
import { printable, printJson, printLine } from './context.ts'
import { remedied } from './mail-errors.ts'

/** A message that was chosen and is not opened yet; `undefined`: opened, it turns out not to be meant. */
export type Candidate = {
  readonly name: string
  readonly open: () => Promise<Kept | undefined>
  /** After its new entry is durable. */
  readonly replayed?: () => Promise<void>
}

export type Run = {
  readonly config: Config
  readonly spool: Spool
  readonly rules: NamedRules
  readonly dryRun: boolean
  readonly json: boolean
  /** Whether a secret key is at hand, for what is said when one is missing. */
  readonly hasKey: boolean
}

export type Ran = {
  /** Where each that is replayed, or would be, was taken from. */
  readonly replayed: readonly Replay['from'][]
  readonly failed: number
  readonly total: number
}

/** The rules in force, or those of that name, with all that they name there. Throws UserError. */
export function rulesNamed(
  config: Config,
  name: string | undefined,
  change: (ruleSet: RuleSet) => RuleSet = (same) => same,
): NamedRules {
  const { domains } = config
  const ruleSet =
    name === undefined
      ? activeRuleSet(config).ruleSet
      : loadRuleSet(config.rules.dir, name, { domains }).ruleSet
  const problems = resourceProblems(ruleSet, config)
  if (problems.length > 0) throw new UserError(problems.join('\n'))
  return { name: ruleSet.Metadata.Name, compiled: compile(change(ruleSet), domains) }
}

/** Replays each; what was put into the spool is announced at the end, whatever happened. */
export async function runAll(
  candidates: AsyncIterable<Candidate> | Iterable<Candidate>,
  run: Run,
): Promise<Ran> {
  const ids: string[] = []
  const replayed: Replay['from'][] = []
  let failed = 0
  let total = 0
  try {
    for await (const candidate of candidates) {
      const outcome = await runOne(candidate, run, (id) => ids.push(id))
      if (outcome === 'other') continue
      total += 1
      if (outcome === 'failed') failed += 1
      else if (outcome !== 'idle') replayed.push(outcome)
    }
  } finally {
    await announceAll(run.config, ids)
  }
  return { replayed, failed, total }
}

/** Where it was taken from when it is replayed. */
type Outcome = Replay['from'] | 'idle' | 'failed' | 'other'

async function runOne(
  candidate: Candidate,
  run: Run,
  committed: (id: string) => void,
): Promise<Outcome> {
  const { config, json } = run
  let kept: Kept | undefined
  try {
    kept = await candidate.open()
    if (kept === undefined) return 'other'
    const { maxHeaderBytes } = config.smtp
    const planned = await planAgain(kept, run.rules, { ...config.notifications, maxHeaderBytes })
    const acts = planned.outcome === 'act'
    const as = acts && !run.dryRun ? await commit(kept, planned, run) : undefined
    if (as !== undefined) committed(as)
    if (json) printJson(jsonOf(kept, planned, as))
    else for (const line of linesOf(kept, planned, as)) printLine(printable(line))
    if (as !== undefined) await candidate.replayed?.()
    if (acts) return kept.from
    return planned.outcome === 'nothing' ? 'idle' : 'failed'
  } catch (error) {
    const reason = describeError(remedied(error, config, run.hasKey)).replace(/\.$/, '')
    if (json) printJson({ id: candidate.name, outcome: 'failed', reason })
    else printLine(printable(`${candidate.name}: failed: ${reason}`))
    return 'failed'
  } finally {
    await kept?.close()
  }
}

async function commit(kept: Kept, { plan }: ReplayPlan, { config, spool, rules }: Run) {
  const space = freeSpace(config.dataDir, config.spool)
  await space.refresh()
  // Mail that arrives goes before: it has nowhere else to wait.
  if (space.isLow(kept.kept.size)) {
    throw new Error(
      `the disk under ${config.dataDir} has too little room (spool.minFreeBytes, spool.minFreeInodes); replay it when the messages before are delivered`,
    )
  }
  const memoryBytes = config.smtp.memoryMessageBytes
  return commitAgain(spool, kept, { plan, ruleSet: rules.name }, { memoryBytes })
}

function jsonOf(kept: Kept, { outcome, plan, bounces, unmatched }: ReplayPlan, as?: string) {
  const { id } = kept.kept
  const done = as === undefined ? 'would-replay' : 'replayed'
  return {
    id,
    outcome: outcome === 'act' ? done : outcome,
    ...(as === undefined ? {} : { as }),
    from: kept.from,
    was: kept.was,
    plan: plan.map(knownStep),
    bounces,
    unmatched,
  }
}

const sentences = {
  nothing: 'not replayed: the rules ask for no action',
  undecided:
    'not replayed: the rules can not decide, a verdict that they ask for is missing; --rule-set names others',
  'no-rule': 'not replayed: no rule takes it',
}

function linesOf(kept: Kept, planned: ReplayPlan, as: string | undefined): string[] {
  const { outcome, plan, bounces, unmatched } = planned
  const { id, time } = kept.kept
  const notes = [
    ...(unmatched.length === 0 || outcome === 'no-rule'
      ? []
      : [`no rule takes it for ${unmatched.join(', ')}`]),
    ...bounces.map((each) => `not bounced (${each}): a replay answers nobody`),
  ]
  if (outcome !== 'act') return [[`${id}: ${sentences[outcome]}`, ...notes].join('; ')]
  if (as !== undefined) return [[`${id}: replayed as ${as}`, ...notes].join('; ')]
  const { same, gone, added } = compare(kept.was, plan)
  return [
    [`${id}: would be replayed, received ${time}`, ...notes].join('; '),
    ...same.map((step) => `    ${inWords(step)}`),
    ...gone.map((step) => `  - ${inWords(step)}`),
    ...added.map((step) => `  + ${inWords(step)}`),
  ]
}
