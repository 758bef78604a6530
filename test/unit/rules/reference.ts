/**
 * The obvious implementation that the indexed one must equal: the matcher of the reference (§1.3,
 * own code there) and one loop over rules, without any index. For addresses in plain spelling.
 */
import type { Condition } from '../../../src/rules/condition.ts'
import type { Wanted } from '../../../src/rules/evaluate.ts'
import type { MessageFacts, SessionFacts } from '../../../src/rules/facts.ts'
import { compile, rulesNaming } from '../../../src/rules/lookup.ts'
import type { PlannedAction, Rule, RuleSet } from '../../../src/rules/rule-set.ts'

/** Whether the index takes the recipient for a rule with that pattern alone. */
export function matches(pattern: string, recipient: string): boolean {
  const rule: Rule = {
    Name: 'only',
    Enabled: true,
    TlsPolicy: 'Optional',
    Recipients: [pattern],
    Actions: [],
    ScanEnabled: false,
  }
  const compiled = compile({ Metadata: { Name: 'default' }, Rules: [rule] }, [])
  return [...rulesNaming(compiled, recipient)].length > 0
}

export function hits(pattern: string, recipient: string): boolean {
  const pat = pattern.toLowerCase()
  const rcpt = recipient.toLowerCase()
  const at = rcpt.lastIndexOf('@')
  const local = rcpt.slice(0, at)
  const dom = rcpt.slice(at + 1)
  const p = pat.lastIndexOf('@')
  const patDom = pat.slice(p + 1).replace(/^\*\./, '.')
  const below = patDom.startsWith('.')
  if (below ? !dom.endsWith(patDom) || dom.length <= patDom.length : dom !== patDom) return false
  if (p < 0) return true
  const pl = pat.slice(0, p)
  // Each `*` stands for any characters; a label, for which any will do unless one is named, begins at
  // the first plus.
  const whole = new RegExp(`^${pl.split('*').map(RegExp.escape).join('.*')}$`, 's')
  return whole.test(local) || (!pl.includes('+') && whole.test(local.replace(/[+].*$/s, '')))
}

function names(rule: Rule, recipient: string, domains: readonly string[]): boolean {
  const patterns =
    rule.Recipients.length > 0 ? rule.Recipients : domains.flatMap((each) => [each, `.${each}`])
  return rule.Enabled && patterns.some((pattern) => hits(pattern, recipient))
}

type Going = { readonly recipient: string; readonly place: number }

/**
 * What the conditions say: the naive twin knows SPAM verdicts, the recipient and the HELO name alone, which
 * yield all there is: of the message, of the recipient, of the session.
 */
function conditionHolds(condition: Condition, facts: MessageFacts, recipient: string): Kleene {
  if ('VerdictExpression' in condition) {
    const verdict = facts.verdicts?.spam?.verdict
    if (verdict === undefined || verdict === 'PROCESSING_FAILED') return undefined
    return condition.VerdictExpression.Values.includes(verdict)
  }
  if (!('StringExpression' in condition)) throw new Error('the twin does not know it')
  const { Evaluate, Values } = condition.StringExpression
  const text = Evaluate.Attribute === 'RECIPIENT' ? recipient : facts.helo
  return text === undefined
    ? undefined
    : Values.some((each) => each.toLowerCase() === text.toLowerCase())
}

type Kleene = boolean | undefined

function ruleHolds(
  { Conditions = [], Unless = [] }: Rule,
  facts: MessageFacts,
  whom: string,
): Kleene {
  const results = [
    ...Conditions.map((each) => conditionHolds(each, facts, whom)),
    ...Unless.map((each) => {
      const holds = conditionHolds(each, facts, whom)
      return holds === undefined ? undefined : !holds
    }),
  ]
  if (results.includes(false)) return false
  return results.includes(undefined) ? undefined : true
}

export function naiveWants(
  ruleSet: RuleSet,
  domains: readonly string[],
  recipient: string,
  session: SessionFacts,
): Wanted {
  const asked = { ...session, recipients: [recipient] }
  const naming = ruleSet.Rules.filter((rule) => {
    return names(rule, recipient, domains) && ruleHolds(rule, asked, recipient) !== false
  })
  if (naming.length === 0) return { wanted: false, reason: 'no-rule' }
  if (!naming.some((rule) => session.tls || rule.TlsPolicy === 'Optional'))
    return { wanted: false, reason: 'tls-required' }
  const { plan, doubts } = naiveEvaluate(ruleSet, domains, asked)
  const others = plan.filter(({ action, notice }) => {
    return notice || !('BounceAction' in action || 'AddHeaderAction' in action)
  })
  const [bounce] = plan.flatMap(({ action }) => {
    return 'BounceAction' in action ? action.BounceAction : []
  })
  return doubts || others.length > 0 || bounce === undefined
    ? { wanted: true }
    : { wanted: false, reason: 'bounce', bounce }
}

export function naiveEvaluate({ Rules }: RuleSet, domains: readonly string[], facts: MessageFacts) {
  const plan: PlannedAction[] = []
  const matchedOf: (readonly string[])[] = []
  const taken = new Set<number>()
  const doubted = new Set<number>()
  let going: readonly Going[] = facts.recipients.map((recipient, place) => ({ recipient, place }))
  let doubts = false
  let deferred = false
  for (const rule of Rules) {
    const fits = facts.tls || rule.TlsPolicy === 'Optional'
    const named = going.filter(({ recipient }) => fits && names(rule, recipient, domains))
    const matched = named.filter(({ recipient, place }) => {
      const holds = ruleHolds(rule, facts, recipient)
      if (holds !== undefined) return holds
      doubts = true
      if (rule.OnUndecided === 'DEFER') deferred = true
      if (rule.OnUndecided !== 'MATCH') doubted.add(place)
      return rule.OnUndecided === 'MATCH'
    })
    const addresses = matched.map(({ recipient }) => recipient)
    matchedOf.push(addresses)
    for (const { place } of matched) taken.add(place)
    if (matched.length === 0) continue
    for (const action of rule.Actions) {
      const step = { rule: rule.Name, action, recipients: addresses, scan: rule.ScanEnabled }
      const [kind = ''] = Object.keys(action)
      if (kind !== 'StopAction' && kind !== 'DropAction') plan.push(step)
      if (JSON.stringify(action).includes('TopicArn')) plan.push({ ...step, notice: true })
      if (['StopAction', 'DropAction', 'QuarantineAction'].includes(kind))
        going = going.filter((each) => !matched.includes(each))
    }
  }
  const places = facts.recipients.map((_, place) => place)
  const left = places.filter((place) => !taken.has(place))
  const answer = left.length === places.length ? 'reject' : 'accept'
  const disposition = deferred || left.some((place) => doubted.has(place)) ? 'defer' : answer
  const unmatched = left.flatMap((place) => facts.recipients[place] ?? [])
  return { disposition, plan, matchedOf, unmatched, doubts }
}
