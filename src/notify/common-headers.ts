/** `mail.commonHeaders` of a notification. Pure. SES: reference §5.1 */
import { parseAddressList, quoted } from '../mail/address-list.ts'
import { decodeWords } from '../mail/encoded-words.ts'
import type { Field } from '../mail/header-fields.ts'

/** Of the whole header section; a key is absent where its field is. */
export function commonHeaders(reversePath: string, fields: readonly Field[]): object {
  // The message's own fields stand below ours: of From, To and so on we write none.
  const first = (name: string) => fields.find((each) => each.name.toLowerCase() === name)?.value
  const text = (key: string, name: string) => {
    const value = first(name)
    return value === undefined ? {} : { [key]: decodeWords(value) }
  }
  const list = (key: string, name: string) => {
    const values = fields.filter((each) => each.name.toLowerCase() === name)
    return values.length === 0 ? {} : { [key]: values.flatMap(({ value }) => mailboxes(value)) }
  }
  return {
    returnPath: reversePath,
    ...list('from', 'from'),
    ...list('replyTo', 'reply-to'),
    ...(first('sender') === undefined ? {} : { sender: mailboxes(first('sender') ?? '')[0] ?? '' }),
    ...verbatim('date', first('date')),
    ...list('to', 'to'),
    ...list('cc', 'cc'),
    ...list('bcc', 'bcc'),
    ...verbatim('messageId', first('message-id')),
    ...text('subject', 'subject'),
  }
}

function verbatim(key: string, value: string | undefined): object {
  return value === undefined ? {} : { [key]: value }
}

/** `Name <a@b>`; `a@b` when there is no name. */
function mailboxes(value: string): string[] {
  return parseAddressList(value).map(({ name, address }) =>
    name === '' ? address : `${quotedName(name)} <${address}>`,
  )
}

/** Quoted where the name would not be a phrase otherwise (RFC 5322 §3.2.5). */
function quotedName(name: string): string {
  return /[()<>[\]:;@\\,."]/.test(name) ? quoted(name) : name
}
