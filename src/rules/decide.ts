/**
 * Whether a condition holds: yes, no, or not to be told. One predicate per kind of condition; what
 * they have in common, Conditions and Unless, is composed at the end. Pure, throws nothing.
 * SES Mail Manager: RuleCondition
 */
import { networkOf, parseAddress, parseBlock } from '../filters/address.ts'
import { parseAddressList } from '../mail/address-list.ts'
import { decodeWords } from '../mail/encoded-words.ts'
import type { Verdict } from '../mail/verdict.ts'
import { type Condition, spellCondition } from './condition.ts'
import type { HeaderField, MessageFacts } from './facts.ts'
import { compilePattern } from './regular-expression.ts'
import type { Rule } from './rule-set.ts'

/** `because`: what was found, in a phrase for the trace; shows text of the message only where short. */
export type Decision = {
  readonly result: 'true' | 'false' | 'undecided'
  readonly because: string
}

/** A condition ready to be asked. `recipient`: the one that the rule is asked for. */
type Predicate = (facts: MessageFacts, recipient: string, scan: boolean) => Decision

export type CompiledCondition = {
  readonly decide: Predicate
  /** The condition in a phrase. */
  readonly text: string
}

export type CompiledConditions = {
  readonly all: readonly CompiledCondition[]
  readonly none: readonly CompiledCondition[]
  /** Whether the answer may differ from one recipient to the next. */
  readonly perRecipient: boolean
  readonly scan: boolean
}

/** `undefined` for a rule without conditions. The rule is valid (condition.ts). */
export function compileConditions(rule: Rule): CompiledConditions | undefined {
  const { Conditions = [], Unless = [], ScanEnabled } = rule
  if (Conditions.length + Unless.length === 0) return undefined
  const compile = (condition: Condition): CompiledCondition => ({
    decide: predicateOf(condition),
    text: spellCondition(condition),
  })
  return {
    all: Conditions.map(compile),
    none: Unless.map(compile),
    perRecipient: [...Conditions, ...Unless].some(
      (each) =>
        'StringExpression' in each && each.StringExpression.Evaluate.Attribute === 'RECIPIENT',
    ),
    scan: ScanEnabled,
  }
}

/** Whether any of the conditions looks into the MIME structure, which has to be walked for it. */
export function looksAtAttachments({ Conditions = [], Unless = [] }: Rule): boolean {
  return [...Conditions, ...Unless].some((each) => {
    const spec: { Evaluate?: { Attribute?: string } } = Object.values(each)[0] ?? {}
    return spec.Evaluate?.Attribute?.includes('ATTACHMENT') ?? false
  })
}

/** The condition that decided, and what it found. */
export type Outcome = Decision & { readonly condition: string }

/**
 * Whether all of Conditions hold and none of Unless: `false` as soon as one is surely against it,
 * whatever is unknown of the others.
 */
export function decide(
  { all, none, scan }: CompiledConditions,
  facts: MessageFacts,
  recipient: string,
): Outcome {
  let undecided: Outcome | undefined
  let last: Outcome | undefined
  for (const [list, wanted, label] of [
    [all, 'true', ''],
    [none, 'false', 'unless '],
  ] as const) {
    for (const { decide: ask, text } of list) {
      const { result, because } = ask(facts, recipient, scan)
      const condition = `${label}${text}`
      if (result === 'undecided') undecided ??= { result, because, condition }
      else if (result !== wanted) return { result: 'false', because, condition }
      else last = { result: 'true', because, condition }
    }
  }
  return undecided ?? last ?? { result: 'true', because: '', condition: '' }
}

const yes = (because: string): Decision => ({ result: 'true', because })
const no = (because: string): Decision => ({ result: 'false', because })
const undecided = (because: string): Decision => ({ result: 'undecided', because })
const decided = (holds: boolean, because: string): Decision => (holds ? yes(because) : no(because))
const notYet = 'not known before the message is there'
const noSender = 'the reverse-path is not known'
const noHelo = 'the HELO name is not known'
const noAddress = "the client's address is not known"

/** What a fact that was not given leaves undecided, in the words of `because`. */
export function missingFact({ result, because }: Decision): Missing | undefined {
  if (result !== 'undecided') return undefined
  if (because.includes('verdict is not known')) return 'verdicts'
  const facts = {
    [notYet]: 'message',
    [noSender]: 'from',
    [noHelo]: 'helo',
    [noAddress]: 'ip',
  } as const
  return facts[because as keyof typeof facts]
}

export type Missing = 'from' | 'helo' | 'ip' | 'message' | 'verdicts'

function predicateOf(condition: Condition): Predicate {
  if ('StringExpression' in condition) return stringPredicate(condition.StringExpression)
  if ('NumberExpression' in condition) return numberPredicate(condition.NumberExpression)
  if ('IpExpression' in condition) return ipPredicate(condition.IpExpression)
  if ('BooleanExpression' in condition) return booleanPredicate(condition.BooleanExpression)
  if ('VerdictExpression' in condition) return verdictPredicate(condition.VerdictExpression)
  return dmarcPredicate(condition.DmarcExpression)
}

type Spec<Kind extends string> = Extract<Condition, Record<Kind, unknown>>[Kind]

/** Upper and lower case are one, in header fields as in addresses; composed and decomposed, too. */
function canonical(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

function stringPredicate({ Evaluate, Operator, Values }: Spec<'StringExpression'>): Predicate {
  const test = stringTest(Operator, Values)
  return (facts, recipient) => {
    const found = textsOf(Evaluate, facts, recipient)
    if (typeof found === 'string') return undecided(found)
    const results = found.map(test)
    if (results.includes(true)) return yesOrNo(true, found[results.indexOf(true)])
    if (results.includes(undefined)) return undecided('a text too long to be matched')
    return found.length === 0 ? yesOrNo(false, undefined) : yesOrNo(false, found[0])
  }

  function yesOrNo(fits: boolean, text: string | undefined): Decision {
    const because = text === undefined ? 'there is none' : `it is ${quoted(text)}`
    return decided(Operator === 'NOT_EQUALS' ? !fits : fits, because)
  }
}

function stringTest(
  operator: Spec<'StringExpression'>['Operator'],
  values: readonly string[],
): (text: string) => boolean | undefined {
  if (operator === 'MATCHES') {
    const matchers = values.map(compilePattern)
    return (text) => {
      const results = matchers.map((matcher) => matcher(text))
      return results.includes(true) || (results.includes(undefined) ? undefined : false)
    }
  }
  const wanted = values.map(canonical)
  if (operator === 'EQUALS' || operator === 'NOT_EQUALS') {
    const set = new Set(wanted)
    return (text) => set.has(canonical(text))
  }
  const compare = {
    STARTS_WITH: (text: string, value: string) => text.startsWith(value),
    ENDS_WITH: (text: string, value: string) => text.endsWith(value),
    CONTAINS: (text: string, value: string) => text.includes(value),
  }[operator]
  return (text) => {
    const it = canonical(text)
    return wanted.some((value) => compare(it, value))
  }
}

/** The texts that a condition looks at, none if there are none, or why they are not known. */
function textsOf(
  { Attribute, MimeHeaderAttribute }: Spec<'StringExpression'>['Evaluate'],
  facts: MessageFacts,
  recipient: string,
): readonly string[] | string {
  switch (Attribute) {
    case 'RECIPIENT':
      return [recipient]
    case 'MAIL_FROM':
      return facts.reversePath === undefined ? noSender : [facts.reversePath]
    case 'HELO':
      return facts.helo === undefined ? noHelo : [facts.helo]
    case 'ATTACHMENT_NAME':
    case 'ATTACHMENT_TYPE': {
      if (facts.attachments === undefined) return attachmentsUnknown(facts)
      const name = Attribute === 'ATTACHMENT_NAME'
      return facts.attachments.flatMap((each) => (name ? (each.name ?? []) : each.type))
    }
    case 'SUBJECT':
      return headerTexts(facts, 'subject')
    case 'FROM':
    case 'SENDER':
    case 'TO':
    case 'CC': {
      const texts = fieldsNamed(facts, Attribute.toLowerCase())
      if (typeof texts === 'string') return texts
      return texts.flatMap(({ value }) => parseAddressList(value).map(({ address }) => address))
    }
    default:
      return headerTexts(facts, (MimeHeaderAttribute ?? '').toLowerCase())
  }
}

function headerTexts(facts: MessageFacts, name: string): readonly string[] | string {
  const fields = fieldsNamed(facts, name)
  return typeof fields === 'string' ? fields : fields.map(({ value }) => decodeWords(value))
}

function fieldsNamed(facts: MessageFacts, name: string): readonly HeaderField[] | string {
  if (facts.fields === undefined) return notYet
  return facts.fields().filter((field) => field.name.toLowerCase() === name)
}

function attachmentsUnknown({ size }: MessageFacts): string {
  return size === undefined ? notYet : 'the MIME structure can not be told for sure'
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
    return typeof found === 'string' ? undecided(found) : decided(compare(found), `it is ${found}`)
  }
}

function numberOf(
  attribute: Spec<'NumberExpression'>['Evaluate']['Attribute'],
  facts: MessageFacts,
  scan: boolean,
): number | string {
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
      if (!scan) return scanOff
      return spam.score ?? describeVerdict('spam', spam)
    }
  }
}

const scanOff = 'the rule does not ask for a scan (ScanEnabled)'

function ipPredicate({ Operator, Values }: Spec<'IpExpression'>): Predicate {
  const blocks = Values.map(parseBlock).filter((each) => typeof each !== 'string')
  return ({ remoteIp }) => {
    const address = remoteIp === undefined ? undefined : parseAddress(remoteIp)
    if (address === undefined) return undecided(noAddress)
    const fits = blocks.some(
      (block) =>
        block.family === address.family &&
        networkOf(block, block.prefix) === networkOf(address, block.prefix),
    )
    return decided(Operator === 'NOT_CIDR_MATCHES' ? !fits : fits, `it is ${remoteIp}`)
  }
}

function booleanPredicate({ Evaluate, Operator }: Spec<'BooleanExpression'>): Predicate {
  const wanted = Operator === 'IS_TRUE'
  return (facts) => {
    const found = booleanOf(Evaluate.Attribute, facts)
    if (typeof found === 'string') return undecided(found)
    return decided(found === wanted, found ? 'it is so' : 'it is not so')
  }
}

function booleanOf(
  attribute: Spec<'BooleanExpression'>['Evaluate']['Attribute'],
  facts: MessageFacts,
): boolean | string {
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
      return typeof fields === 'string' ? fields : fields.length > 0
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
    if (!made && !fits) return undecided(because)
    return decided(Operator === 'NOT_EQUALS' ? !fits : fits, because)
  }
}

function verdictUnknown(name: string, { size }: MessageFacts): string {
  const when = size === undefined ? ' before the message is there' : ''
  return `the ${name} verdict is not known${when}`
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
      return undecided(describeVerdict('dmarc', dmarc))
    const fits = Values.some((value) => value.toLowerCase() === policy)
    return decided(Operator === 'NOT_EQUALS' ? !fits : fits, `the policy is ${policy}`)
  }
}

/** Text of the message in a trace: one line, short, no control characters. */
function quoted(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return JSON.stringify(short.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?'))
}
