/**
 * The core of `postern explain`: which IP filter decides about a client, what each recipient is answered,
 * which rules match, why, and what would happen. Asks the very functions that the server asks, and no
 * DNS and no engine. The JSON form is an interface (docs/explain.md): fields are added, never changed.
 */
import { isIP } from 'node:net'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { type CompiledFilters, compileFilters, type FilterMatch } from '../filters/ip-filter.ts'
import { readFilters } from '../filters/load.ts'
import { describeStep } from '../rules/describe.ts'
import { compile } from '../rules/evaluate.ts'
import { type Forecast, forecast, type Given } from '../rules/forecast.ts'
import { loadRuleSet } from '../rules/load.ts'
import type { PlannedAction } from '../rules/rule-set.ts'
import { explanationText } from './explain-text.ts'
import { type ServerOptions, serverOf } from './server-words.ts'

export type ExplainOptions = {
  /** The directory of the rule sets. */
  readonly rules: string
  /** The name of one; `default` when absent. */
  readonly ruleSet?: string
  readonly config: ServerOptions & Pick<Config, 'domains'>
  readonly given: Given
  readonly json?: boolean
}

/** What `--json` prints. */
export type Explanation = Omit<Forecast, 'plan'> & {
  readonly ruleSet: string
  /** With an address only: the IP filter that decides about it, `null` when none does. */
  readonly filter?: FilterMatch | null
  readonly plan: readonly PlanLine[]
}

export type PlanLine = Omit<PlannedAction, 'scan'> & { readonly target: string }

/** Explains as JSON or as text, without a final line break. Throws UserError as `loadRuleSet` does. */
export function explain(options: ExplainOptions): string {
  const { config, given, json } = options
  const { domains } = config
  const { ruleSet } = loadRuleSet(options.rules, options.ruleSet ?? 'default', { domains })
  const { remoteIp } = given.session
  const filters = remoteIp === undefined ? compileFilters([]) : filtersFor(remoteIp, options.rules)
  const told = forecast(compile(ruleSet, domains), given, serverOf(config, filters))
  const { disposition, reply, depends, rcpt, unmatched } = told
  const explanation: Explanation = {
    disposition,
    ...(reply === undefined ? {} : { reply }),
    ...(depends === undefined ? {} : { depends }),
    ruleSet: ruleSet.Metadata.Name,
    ...(remoteIp === undefined ? {} : { filter: filters.find(remoteIp) ?? null }),
    rcpt,
    rules: told.rules,
    plan: told.plan.map(planLine),
    unmatched,
  }
  if (json) return JSON.stringify(explanation, null, 2)
  return explanationText(explanation, given)
}

function planLine(step: PlannedAction): PlanLine {
  const { scan: _, ...rest } = step
  return { ...rest, target: describeStep(step).target }
}

/** Throws UserError for what is no address, and for filters that can't be used. */
function filtersFor(ip: string, dir: string): CompiledFilters {
  if (isIP(ip) === 0) throw new UserError(`--ip: ${ip} is no IP address.`)
  const { filters, problems } = readFilters(dir)
  if (problems.length > 0) throw new UserError(problems.join('\n'))
  return compileFilters(filters)
}
