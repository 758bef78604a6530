/**
 * One predicate per kind of condition: yes, no, or not to be told. Pure, throws nothing.
 * SES Mail Manager: RuleCondition
 */
import { isIn, parseAddress, parseBlock } from '../filters/address.ts'
import type { Verdict } from '../mail/verdict.ts'
import type { Condition } from './condition.ts'
import {
  attachmentsUnknown,
  decided,
  fieldsNamed,
  isUnknown,
  noAddress,
  notYet,
  type Predicate,
  type Spec,
  type Unknown,
  undecided,
} from './decision.ts'
import type { MessageFacts } from './facts.ts'
import { stringPredicate } from './string-predicate.ts'

/** The predicate of a valid condition. */
export function predicateOf(condition: Condition): Predicate {
  if ('StringExpression' in condition) return stringPredicate(condition.StringExpression)
  if ('NumberExpression' in condition) return numberPredicate(condition.NumberExpression)
  if ('IpExpression' in condition) return ipPredicate(condition.IpExpression)
  if ('BooleanExpression' in condition) return booleanPredicate(condition.BooleanExpression)
  if ('VerdictExpression' in condition) return verdictPredicate(condition.VerdictExpression)
  return dmarcPredicate(condition.DmarcExpression)
}

function numberPredicate({ Evaluate, Operator, Value }: Spec<'NumberExpression'>): Predicate {
  const compare = {
    EQUALS: (found: number) => found === Value,
    NOT_EQUALS: (found: number) => found !== Value,
    LESS_THAN: (found: number) => found < Value,
    LESS_THAN_OR_EQUAL: (found: number) => found <= Value,
    GREATER_THAN: (found: number) => found > Value,
    GREATER_THAN_OR_EQUAL: (found: number) => found >= Value,
  }[Operator]
  return (facts, _recipient, scan) => {
    const found = numberOf(Evaluate.Attribute, facts, scan)
    return isUnknown(found) ? undecided(found) : decided(compare(found), `it is ${found}`)
  }
}

function numberOf(
  attribute: Spec<'NumberExpression'>['Evaluate']['Attribute'],
  facts: MessageFacts,
  scan: boolean,
): number | Unknown {
  switch (attribute) {
    case 'MESSAGE_SIZE':
      return facts.size ?? notYet
    case 'RECIPIENT_COUNT':
      // More may come while the message is not there.
      return facts.size === undefined ? notYet : facts.recipients.length
    case 'ATTACHMENT_COUNT':
      return facts.attachments?.length ?? attachmentsUnknown(facts)
    case 'SPAM_SCORE': {
      const spam = facts.verdicts?.spam
      if (spam === undefined) return verdictUnknown('spam', facts)
      if (!scan) return { because: scanOff }
      return spam.score ?? { because: describeVerdict('spam', spam) }
    }
  }
}

const scanOff = 'the rule does not ask for a scan (ScanEnabled)'

function ipPredicate({ Operator, Values }: Spec<'IpExpression'>): Predicate {
  const blocks = Values.map(parseBlock).filter((each) => typeof each !== 'string')
  return ({ remoteIp }) => {
    const address = remoteIp === undefined ? undefined : parseAddress(remoteIp)
    if (address === undefined) return undecided(noAddress)
    const fits = blocks.some((block) => isIn(block, address))
    return decided(Operator === 'NOT_CIDR_MATCHES' ? !fits : fits, `it is ${remoteIp}`)
  }
}

function booleanPredicate({ Evaluate, Operator }: Spec<'BooleanExpression'>): Predicate {
  const wanted = Operator === 'IS_TRUE'
  return (facts) => {
    const found = booleanOf(Evaluate.Attribute, facts)
    if (isUnknown(found)) return undecided(found)
    return decided(found === wanted, found ? 'it is so' : 'it is not so')
  }
}

function booleanOf(
  attribute: Spec<'BooleanExpression'>['Evaluate']['Attribute'],
  facts: MessageFacts,
): boolean | Unknown {
  switch (attribute) {
    case 'TLS':
      return facts.tls
    case 'TLS_WRAPPED':
      return false
    case 'HAS_ATTACHMENT':
      return facts.attachments === undefined
        ? attachmentsUnknown(facts)
        : facts.attachments.length > 0
    case 'READ_RECEIPT_REQUESTED': {
      // RFC 8098 §2.1.
      const fields = fieldsNamed(facts, 'disposition-notification-to')
      return isUnknown(fields) ? fields : fields.length > 0
    }
  }
}

function verdictPredicate({ Evaluate, Operator, Values }: Spec<'VerdictExpression'>): Predicate {
  const name = Evaluate.Attribute.toLowerCase() as 'spf' | 'dkim' | 'dmarc' | 'spam' | 'virus'
  const values: ReadonlySet<Verdict> = new Set(Values)
  return (facts, _recipient, scan) => {
    const judged = facts.verdicts?.[name]
    if (judged === undefined) return undecided(verdictUnknown(name, facts))
    const unscanned = !scan && (name === 'spam' || name === 'virus')
    const verdict = unscanned ? 'DISABLED' : judged.verdict
    const because = unscanned ? scanOff : describeVerdict(name, judged)
    const fits = values.has(verdict)
    // D§2.5: a verdict that was not made is no other verdict's opposite.
    const made = verdict !== 'PROCESSING_FAILED' && verdict !== 'DISABLED'
    if (!made && !fits) return undecided({ because })
    return decided(Operator === 'NOT_EQUALS' ? !fits : fits, because)
  }
}

function verdictUnknown(name: string, { size }: MessageFacts): Unknown {
  const when = size === undefined ? ' before the message is there' : ''
  return { because: `the ${name} verdict is not known${when}`, lacks: 'verdicts' }
}

function describeVerdict(
  name: string,
  { verdict, reason }: { readonly verdict: Verdict; readonly reason?: string },
): string {
  return `${name} is ${verdict}${reason === undefined ? '' : ` (${reason})`}`
}

function dmarcPredicate({ Operator, Values }: Spec<'DmarcExpression'>): Predicate {
  return (facts) => {
    const dmarc = facts.verdicts?.dmarc
    if (dmarc === undefined) return undecided(verdictUnknown('dmarc', facts))
    const { verdict, policy = 'none' } = dmarc
    if (verdict === 'PROCESSING_FAILED' || verdict === 'DISABLED')
      return undecided({ because: describeVerdict('dmarc', dmarc) })
    const fits = Values.some((value) => value.toLowerCase() === policy)
    return decided(Operator === 'NOT_EQUALS' ? !fits : fits, `the policy is ${policy}`)
  }
}
