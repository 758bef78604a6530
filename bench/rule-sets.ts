/**
 * Rule sets of any size for the measurements: addresses, labelled addresses, domains, subdomains and
 * wildcards of many customers, as a host for many domains has them. The same numbers give the same set.
 */
import type { Condition } from '../src/rules/condition.ts'
import type { Rule, RuleSet } from '../src/rules/rule-set.ts'

type Written = Pick<RuleSet, 'Metadata'> & { readonly Rules: readonly WrittenRule[] }
type WrittenRule = Partial<Rule> & Pick<Rule, 'Name'>

/** `patterns` recipient patterns in all, spread evenly over `rules` rules, as they stand in a file. */
export function manyRules(rules: number, patterns: number): Written {
  const each = patterns / rules
  return {
    Metadata: { Name: 'default' },
    Rules: Array.from({ length: rules }, (_, index) => ({
      Name: `customer-${index}`,
      Enabled: true,
      ScanEnabled: true,
      Recipients: Array.from({ length: each }, (_, place) => pattern(index, place)),
      Actions: [
        { S3Action: { BucketName: 'inbox', ObjectKeyPrefix: `customers/${index}` } },
        ...(index % 10 === 0 ? [{ StopAction: { Scope: 'RuleSet' as const } }] : []),
      ],
      ...(index % 20 === 0 ? { Conditions: [noBulk()] } : {}),
    })),
  }
}

/** The address that rule `index` takes by its pattern `place`. */
export function recipientOf(index: number, place: number): string {
  const written = pattern(index, place)
  if (written.includes('@')) return written.replace('*', '2026')
  return written.startsWith('.') ? `someone@deep.down${written}` : `someone@${written}`
}

function noBulk(): Condition {
  return {
    StringExpression: {
      Evaluate: { MimeHeaderAttribute: 'Precedence' },
      Operator: 'NOT_EQUALS',
      Values: ['bulk'],
    },
  }
}

/** Of ten: six addresses, one with a label, a domain, its subdomains, a wildcard in the user. */
function pattern(index: number, place: number): string {
  const domain = `c${index}-${Math.floor(place / 10)}.example.com`
  switch (place % 10) {
    case 6:
      return `user+label${place}@${domain}`
    case 7:
      return `d${domain}`
    case 8:
      return `.s${domain}`
    case 9:
      return `invoice-*@w${domain}`
    default:
      return `user${place}@${domain}`
  }
}
