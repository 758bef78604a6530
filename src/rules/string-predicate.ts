/** Conditions over text: of the envelope, of header fields, of attachments. Pure, throws nothing. */
import { parseAddressList } from '../mail/address-list.ts'
import { decodeWords } from '../mail/encoded-words.ts'
import {
  attachmentsUnknown,
  type Decision,
  decided,
  fieldsNamed,
  isUnknown,
  noHelo,
  noSender,
  type Predicate,
  type Spec,
  type Unknown,
  undecided,
} from './decision.ts'
import type { MessageFacts } from './facts.ts'
import { compilePattern } from './regular-expression.ts'

/** Upper and lower case are one, in header fields as in addresses; composed and decomposed, too. */
function canonical(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** StringExpression. */
export function stringPredicate({
  Evaluate,
  Operator,
  Values,
}: Spec<'StringExpression'>): Predicate {
  const test = stringTest(Operator, Values)
  return (facts, recipient) => {
    const found = textsOf(Evaluate, facts, recipient)
    if (isUnknown(found)) return undecided(found)
    const results = found.map(test)
    if (results.includes(true)) return yesOrNo(true, found[results.indexOf(true)])
    if (results.includes(undefined)) return undecided({ because: 'a text too long to be matched' })
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
): readonly string[] | Unknown {
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
      if (isUnknown(texts)) return texts
      return texts.flatMap(({ value }) => parseAddressList(value).map(({ address }) => address))
    }
    default:
      return headerTexts(facts, (MimeHeaderAttribute ?? '').toLowerCase())
  }
}

function headerTexts(facts: MessageFacts, name: string): readonly string[] | Unknown {
  const fields = fieldsNamed(facts, name)
  return isUnknown(fields) ? fields : fields.map(({ value }) => decodeWords(value))
}

/** Text of the message in a trace: one line, short, no control characters. */
function quoted(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return JSON.stringify(short.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?'))
}
