/**
 * Address fields (From, To, …) as mailboxes. Takes what real mail has, well-formed or not: a reader's
 * parser, not a judge's. Pure, never throws, linear. RFC 5322 §3.4, §4.4
 */
import { decodeWords } from './encoded-words.ts'

export type Mailbox = {
  /** Decoded; '' when there is none. */
  readonly name: string
  /** `user@example.com`, without angle brackets. */
  readonly address: string
}

/** A field full of commas must not become a list without end. */
const maxMailboxes = 10_000

type Token =
  | { readonly kind: 'text' | 'quoted' | 'angle'; readonly text: string }
  | { readonly kind: 'end' | 'group' }

/** The mailboxes in order, those of groups among them. */
export function parseAddressList(value: string): readonly Mailbox[] {
  const mailboxes: Mailbox[] = []
  let words: Token[] = []
  for (const token of tokens(value)) {
    // What was before a colon is the name of a group.
    if (token.kind === 'group') words = []
    else if (token.kind !== 'end') words.push(token)
    if (token.kind !== 'end') continue
    const mailbox = mailboxOf(words)
    words = []
    if (mailbox !== undefined) mailboxes.push(mailbox)
    if (mailboxes.length === maxMailboxes) break
  }
  return mailboxes
}

function mailboxOf(words: readonly Token[]): Mailbox | undefined {
  const angle = words.find((each) => each.kind === 'angle')
  if (angle?.kind === 'angle') {
    const address = angle.text.replace(/^@[^:]*:/, '').trim() // the obsolete route, RFC 5322 §4.4
    const name = phrase(words.filter((each) => each !== angle))
    return address === '' ? undefined : { name, address }
  }
  // No brackets: it is all address, quoted local part included.
  const address = words
    .flatMap((each) =>
      each.kind === 'quoted' ? quoted(each.text) : each.kind === 'text' ? each.text : [],
    )
    .join('')
    .trim()
  // One within quotes makes no address.
  if (!words.some((each) => each.kind === 'text' && each.text.includes('@'))) return undefined
  // Not by a regular expression: white space without an `@` behind it would cost its square.
  const tight = address.split('@').map((each) => each.trim())
  return { name: '', address: tight.join('@') }
}

/** RFC 5322 §3.2.4 */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** RFC 2047 §5: encoded words stand in a phrase, never within quotes. */
function phrase(words: readonly Token[]): string {
  const text = words
    .flatMap((each) => {
      if (each.kind === 'quoted') return each.text
      return each.kind === 'text' ? decodeWords(each.text.trim()) : []
    })
    .join(' ')
  return text.replace(/\s+/g, ' ').trim()
}

/** Comments go; a comma, the colon of a group and its semicolon end what is before them. */
function* tokens(value: string): Generator<Token> {
  let text = ''
  let at = 0
  // Once none is left, none is looked for: a field of `@[` would cost its square.
  const lastBracket = value.lastIndexOf(']')
  const flush = function* (): Generator<Token> {
    if (text.trim() !== '') yield { kind: 'text', text }
    text = ''
  }
  while (at < value.length) {
    const character = value.charAt(at)
    if (character === '(') {
      at = commentEnd(value, at)
      text += ' '
    } else if (character === '"') {
      yield* flush()
      const [content, end] = quotedString(value, at)
      yield { kind: 'quoted', text: content }
      at = end
    } else if (character === '<') {
      yield* flush()
      const [address, end] = angleAddress(value, at)
      yield { kind: 'angle', text: address }
      at = end
    } else if (character === '[' && value.charAt(at - 1) === '@' && at < lastBracket) {
      // The colons of an IPv6 address name no group.
      const end = value.indexOf(']', at) + 1
      text += value.slice(at, end)
      at = end
    } else if (character === ',' || character === ';') {
      yield* flush()
      yield { kind: 'end' }
      at += 1
    } else if (character === ':') {
      text = ''
      yield { kind: 'group' }
      at += 1
    } else {
      const end = nextSpecial(value, at + 1)
      text += value.slice(at, end)
      at = end
    }
  }
  yield* flush()
  yield { kind: 'end' }
}

function nextSpecial(value: string, from: number): number {
  special.lastIndex = from
  return special.exec(value)?.index ?? value.length
}

const special = /[("<[,;:]/g

/** An unclosed one reaches to the next mailbox. */
function angleAddress(value: string, from: number): readonly [text: string, end: number] {
  angleEdge.lastIndex = from + 1
  const stop = angleEdge.exec(value)?.index ?? value.length
  const text = value.slice(from + 1, stop)
  if (value.charAt(stop) === '>') return [text, stop + 1]
  const comma = text.indexOf(',')
  return comma < 0 ? [text, stop] : [text.slice(0, comma), from + 1 + comma]
}

const angleEdge = /[<>]/g

/** Behind the comment that begins at `from`, nested ones and quoted pairs with it; the end if unclosed. */
function commentEnd(value: string, from: number): number {
  let depth = 0
  for (let at = from; at < value.length; at += 1) {
    const character = value.charAt(at)
    if (character === '\\') at += 1
    else if (character === '(') depth += 1
    else if (character === ')') depth -= 1
    if (depth === 0) return at + 1
  }
  return value.length
}

function quotedString(value: string, from: number): readonly [text: string, end: number] {
  let at = from + 1
  for (; at < value.length && value.charAt(at) !== '"'; at += 1)
    if (value.charAt(at) === '\\') at += 1
  return [value.slice(from + 1, at).replace(/\\(.)/gs, '$1'), at + 1]
}
