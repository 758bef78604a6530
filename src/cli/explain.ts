/**
 * The core of `postern explain`: which IP filter decides about a client, which rules match some
 * recipients, why, and what would happen. Asks the very functions that the server asks, and no DNS. The JSON form is an interface (docs/rules.md): fields are
 * added, never changed.
 */
import { isIP } from 'node:net'
import { UserError } from '../errors.ts'
import { compileFilters, type FilterMatch } from '../filters/ip-filter.ts'
import { readFilters } from '../filters/load.ts'
import { compile, evaluate, type Wanted, wants } from '../rules/evaluate.ts'
import { type LoadOptions, loadRuleSet } from '../rules/load.ts'
import type { PlannedAction, RuleAction } from '../rules/rule-set.ts'
import type { RuleTrace } from '../rules/trace.ts'

export type ExplainOptions = LoadOptions & {
  /** The directory of the rule sets. */
  readonly rules: string
  /** The name of one; `default` when absent. */
  readonly ruleSet?: string
  /** What a rule without recipients takes. */
  readonly domains: readonly string[]
  /** Envelope recipients, at least one. */
  readonly to: readonly string[]
  /** Whether the message comes over TLS; no when absent. */
  readonly tls?: boolean
  /** The client's address. */
  readonly ip?: string
}

/** What `--json` prints. */
export type Explanation = {
  /** `reject` also when an IP filter blocks the client; then there is no plan. */
  readonly disposition: 'accept' | 'reject' | 'defer'
  /** With an address only: the IP filter that decides about it, `null` when none does. */
  readonly filter?: FilterMatch | null
  readonly rules: readonly RuleTrace[]
  readonly plan: readonly Pick<PlannedAction, 'rule' | 'action' | 'recipients'>[]
}

/** Explains as JSON or as text, without a final line break. Throws UserError as `loadRuleSet` does. */
export function explain(options: ExplainOptions & { readonly json?: boolean }): string {
  const { ruleSet } = loadRuleSet(options.rules, options.ruleSet ?? 'default', options)
  const compiled = compile(ruleSet, options.domains)
  const facts = { recipients: options.to, tls: options.tls ?? false }
  const { disposition, plan, trace } = evaluate(compiled, facts)
  const filter = options.ip === undefined ? undefined : filterFor(options.ip, options.rules)
  const blocked = filter?.policy === 'Block'
  const explanation: Explanation = {
    disposition: blocked ? 'reject' : disposition,
    ...(filter === undefined ? {} : { filter }),
    rules: trace,
    plan: blocked ? [] : plan.map(({ rule, action, recipients }) => ({ rule, action, recipients })),
  }
  if (options.json) return JSON.stringify(explanation, null, 2)
  const answers = options.to.map((each) =>
    blocked
      ? `${each}: refused, the client is blocked`
      : answer(each, wants(compiled, each, facts)),
  )
  const client = options.ip === undefined ? [] : section(`Client ${options.ip}`, [decision(filter)])
  const rest = explanationText(ruleSet.Metadata.Name, explanation, answers)
  return [...client, rest].join('\n')
}

/** Throws UserError for what is no address, and for filters that can't be used. */
function filterFor(ip: string, dir: string): FilterMatch | null {
  if (isIP(ip) === 0) throw new UserError(`--ip: ${ip} is no IP address.`)
  const { filters, problems } = readFilters(dir)
  if (problems.length > 0) throw new UserError(problems.join('\n'))
  return compileFilters(filters).find(ip) ?? null
}

function decision(filter: FilterMatch | null | undefined): string {
  if (!filter) return 'no IP filter decides about it; DNS lists are not asked here'
  const { name, policy, cidr } = filter
  return policy === 'Block'
    ? `blocked by the IP filter ${name} (${cidr})`
    : `allowed by the IP filter ${name} (${cidr}), no DNS list counts`
}

function explanationText(
  name: string,
  { disposition, rules, plan }: Explanation,
  answers: readonly string[],
): string {
  const width = Math.max(0, ...rules.map((rule) => rule.name.length))
  const lines = rules.map(({ name, matched, recipients, why }) => {
    const whom = matched ? ` (for ${recipients.join(', ')})` : ''
    return `${matched ? 'yes' : 'no '}  ${name.padEnd(width)}  ${why}${whom}`
  })
  const steps = plan.map(({ rule, action, recipients }, index) => {
    return `${index + 1}. ${spell(action)} (rule ${rule}, for ${recipients.join(', ')})`
  })
  const nothing =
    disposition === 'accept' ? 'nothing: the message is accepted and not kept' : 'nothing'
  return [
    ...section(`Rule set ${name}: ${disposition}`, answers),
    ...section('Rules', lines),
    ...section('Plan', steps.length > 0 ? steps : [nothing]),
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return [title, ...lines.map((line) => `  ${line}`)]
}

function answer(recipient: string, wanted: Wanted): string {
  if (wanted.wanted) return `${recipient}: accepted`
  return wanted.reason === 'no-rule'
    ? `${recipient}: refused, no rule takes mail for it`
    : `${recipient}: refused, every rule that takes mail for it requires TLS`
}

/** An action in one phrase; a kind without a phrase of its own shows its JSON. */
function spell(action: RuleAction): string {
  if ('S3Action' in action) {
    const { BucketName, ObjectKeyPrefix } = action.S3Action
    return `S3Action: store in ${BucketName}${ObjectKeyPrefix === undefined ? '' : `, prefix ${ObjectKeyPrefix}`}`
  }
  if ('AddHeaderAction' in action) {
    const { HeaderName, HeaderValue } = action.AddHeaderAction
    return `AddHeaderAction: ${HeaderName}: ${HeaderValue}`
  }
  return JSON.stringify(action)
}
