/**
 * The obvious implementation that the indexed one must equal: the matcher of the reference (§1.3,
 * own code there) and one loop over rules, without any index. For addresses in plain spelling.
 */
import type { Wanted } from '../../../src/rules/evaluate.ts'
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

export function naiveWants(
  { Rules }: RuleSet,
  domains: readonly string[],
  recipient: string,
  tls: boolean,
): Wanted {
  const naming = Rules.filter((rule) => names(rule, recipient, domains))
  if (naming.length === 0) return { wanted: false, reason: 'no-rule' }
  if (tls || naming.some((rule) => rule.TlsPolicy === 'Optional')) return { wanted: true }
  return { wanted: false, reason: 'tls-required' }
}

export function naiveEvaluate(
  { Rules }: RuleSet,
  domains: readonly string[],
  { recipients, tls }: { recipients: readonly string[]; tls: boolean },
) {
  const plan: PlannedAction[] = []
  const matchedOf: (readonly string[])[] = []
  let going = recipients.map((recipient, place) => ({ recipient, place }))
  let disposition = 'reject'
  for (const rule of Rules) {
    const fits = tls || rule.TlsPolicy === 'Optional'
    const matched = going.filter(({ recipient }) => fits && names(rule, recipient, domains))
    const addresses = matched.map(({ recipient }) => recipient)
    matchedOf.push(addresses)
    if (matched.length === 0) continue
    disposition = 'accept'
    for (const action of rule.Actions) {
      if ('StopAction' in action) going = going.filter((each) => !matched.includes(each))
      else plan.push({ rule: rule.Name, action, recipients: addresses, scan: rule.ScanEnabled })
    }
  }
  return { disposition, plan, matchedOf }
}
