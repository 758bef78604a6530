/**
 * The core of `postern explain`: which rules match some recipients, why, and what would happen. Asks
 * the very functions that the server asks. The JSON form is an interface (docs/rules.md): fields are
 * added, never changed.
 */
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
}

/** What `--json` prints. */
export type Explanation = {
  readonly disposition: 'accept' | 'reject'
  readonly rules: readonly RuleTrace[]
  readonly plan: readonly Pick<PlannedAction, 'rule' | 'action' | 'recipients'>[]
}

/** Explains as JSON or as text, without a final line break. Throws UserError as `loadRuleSet` does. */
export function explain(options: ExplainOptions & { readonly json?: boolean }): string {
  const { ruleSet } = loadRuleSet(options.rules, options.ruleSet ?? 'default', options)
  const compiled = compile(ruleSet, options.domains)
  const facts = { recipients: options.to, tls: options.tls ?? false }
  const { disposition, plan, trace } = evaluate(compiled, facts)
  const explanation: Explanation = {
    disposition,
    rules: trace,
    plan: plan.map(({ rule, action, recipients }) => ({ rule, action, recipients })),
  }
  if (options.json) return JSON.stringify(explanation, null, 2)
  const answers = options.to.map((each) => answer(each, wants(compiled, each, facts)))
  return explanationText(ruleSet.Metadata.Name, explanation, answers)
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
