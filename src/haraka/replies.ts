/**
 * Every SMTP reply Postern can give, and the one place where replies leave: docs/smtp.md lists them,
 * a test holds the two together. Codes RFC 5321 §4.2, enhanced codes RFC 3463 with the class taken
 * from the disposition (RFC 2034 §4: they go before the text of every reply but the greeting, the
 * answer to EHLO and 3yz). What the client reads is generic; the log has the reason.
 */
import { shortLived } from './short-lived.ts'
import type { Connection } from './types.ts'

export type Answer = {
  readonly disposition: 'accept' | 'continue' | 'reject' | 'defer'
  /** Absent: Haraka's reply for the stage. */
  readonly reply?: { readonly code: number; readonly text: string }
  /** The session ends after the reply. */
  readonly disconnect?: true
}

export type Refusal = Answer & Required<Pick<Answer, 'reply'>>

const refuse = (code: number, detail: string, text: string): Refusal => ({
  disposition: code >= 500 ? 'reject' : 'defer',
  reply: { code, text: `${Math.floor(code / 100)}.${detail} ${text}` },
})

/** To the next plugin, and to Haraka's own reply after the last. */
export const proceed: Answer = { disposition: 'continue' }

export const replies = {
  recipientAccepted: {
    disposition: 'accept',
    reply: { code: 250, text: '2.1.5 Recipient OK' },
  },
  noRule: refuse(550, '1.1', 'No rule takes mail for this recipient'),
  noRuleForMessage: refuse(550, '7.1', 'No rule takes this message'),
  tlsRequired: refuse(530, '7.0', 'This recipient takes mail over TLS only; issue STARTTLS first'),
  syntaxError: refuse(501, '5.4', 'Syntax error in the command or its parameters'),
  badSender: refuse(501, '1.7', 'Bad sender address'),
  badRecipient: refuse(501, '1.3', 'Bad recipient address'),
  badParameter: refuse(501, '5.4', 'Bad value of a parameter'),
  unknownParameter: refuse(555, '5.4', 'This parameter was not offered by EHLO'),
  needsSmtpUtf8: refuse(553, '6.7', 'This address needs SMTPUTF8 (RFC 6531) in the MAIL command'),
  tooManyRecipients: refuse(
    452,
    '5.3',
    'Too many recipients; send the rest in another transaction',
  ),
  tooLarge: refuse(552, '3.4', 'Message is larger than the limit given by SIZE'),
  diskLow: refuse(452, '3.1', 'Not enough storage for mail just now; try again later'),
  memoryLow: refuse(452, '3.1', 'Not enough memory for mail just now; try again later'),
  busy: refuse(451, '3.2', 'Server is busy; try again later'),
  busyAtConnect: refuse(421, '3.2', 'Server is busy; try again later'),
  tooManyConnections: refuse(421, '3.2', 'Too many connections; try again later'),
  tooManyConnectionsOfAddress: refuse(
    421,
    '7.0',
    'Too many connections from your address; try again later',
  ),
  tooManyMessagesOfAddress: refuse(
    451,
    '7.1',
    'Too many messages from your address; try again later',
  ),
  tooManyRecipientsOfAddress: refuse(
    451,
    '7.1',
    'Too many recipients from your address; try again later',
  ),
  tooManyMessages: {
    ...refuse(421, '7.0', 'Too many messages in one session; connect again'),
    disconnect: true,
  },
  tooManyErrors: refuse(421, '7.0', 'Too many errors; closing the session'),
  tooManyCommands: refuse(421, '7.0', 'Too many commands without mail; closing the session'),
  sessionTooLong: refuse(421, '4.2', 'The session lasted too long; connect again'),
  messageTooSlow: refuse(421, '4.2', 'The message came too slowly; closing the session'),
  waitedTooLong: refuse(421, '4.2', 'Waited too long for the client'),
  bareCr: refuse(554, '6.0', 'Message has a CR without LF; lines end with CR LF (RFC 5321 2.3.8)'),
  bareLf: refuse(554, '6.0', 'Message has a LF without CR; lines end with CR LF (RFC 5321 2.3.8)'),
  nul: refuse(554, '6.0', 'Message has a NUL octet (RFC 5321 4.5.2)'),
  lineTooLong: refuse(554, '6.0', 'Message has a line longer than this server can keep'),
  headerTooLarge: refuse(554, '6.0', 'Message has a header section larger than the limit'),
  virus: refuse(550, '7.1', 'Message contains a virus'),
  spam: refuse(550, '7.1', 'Message looks like spam'),
  dmarcReject: refuse(550, '7.1', 'Refused by the DMARC policy of the From domain'),
  spfFail: refuse(550, '7.1', 'This server may not send mail for the sender domain (SPF)'),
  unchecked: refuse(
    550,
    '7.1',
    'Message could not be checked, and unchecked mail is not taken here',
  ),
  uncheckedNow: refuse(451, '7.1', 'Message could not be checked just now; try again later'),
  mailLoop: refuse(554, '4.6', 'Too many Received fields: this looks like a mail loop'),
  ourFault: refuse(451, '3.0', 'Temporary failure, try again later'),
  shuttingDown: {
    ...refuse(421, '3.2', 'Service is shutting down, try again later'),
    disconnect: true,
  },
} as const satisfies Record<string, Answer>

/** What a message is answered that its verdicts alone refuse, by the cause. */
export const refusals = {
  virus: replies.virus,
  spam: replies.spam,
  'dmarc-reject': replies.dmarcReject,
  'spf-fail': replies.spfFail,
  unchecked: replies.unchecked,
  'unchecked-now': replies.uncheckedNow,
} as const

/** SES: `250 OK <id>`. The one reply of ours without an enhanced code: clients of SES read the id. */
export function accepted(id: string): Answer {
  return { disposition: 'accept', reply: { code: 250, text: `OK ${id}` } }
}

/** SES's words, then what an operator can look for: the IP filter's name. */
export function blockedByFilter(name: string): Refusal {
  return refuse(550, '7.1', visible(`${blacklisted}: filter ${name}`))
}

/** `reason`: the list's own words, '' when it has none. They and the names come from files and DNS. */
export function blockedByList(zone: string, reason: string): Refusal {
  const words = reason === '' ? '' : `: ${reason}`
  return refuse(550, '7.1', visible(`${blacklisted}: listed by ${zone}${words}`))
}

/** A BounceAction's own words. The schema of rule files has looked at them. */
export function bounced(code: string, status: string | undefined, text: string): Refusal {
  const detail = status === undefined ? '0.0' : status.slice(status.indexOf('.') + 1)
  return refuse(Number(code), detail, visible(text))
}

const blacklisted = 'IP address blacklisted by recipient'

/** RFC 5321 §4.5.3.1.5: with its code and CR LF a reply line has at most 512 octets. */
const maxReplyText = 490

function visible(text: string): string {
  return text.replace(/[^ -~]/g, '?').slice(0, maxReplyText)
}

type Rewrite = readonly [code: number, text: RegExp, newCode: number, newText: string]

/** Haraka 3.3.4's own replies, as they would leave, and what leaves instead. Nothing is echoed. */
const rewrites: readonly Rewrite[] = [
  [250, /^sender </, 250, '2.1.0 Sender OK'],
  [250, /^OK$/, 250, '2.0.0 OK'],
  [250, /^Not implemented$/, 214, '2.0.0 See RFC 5321 and docs/smtp.md'],
  [252, /./, 252, '2.1.5 Cannot VRFY; send mail and see'],
  [221, /./, 221, '2.0.0 Bye'],
  [220, /^Go ahead\.$/, 220, '2.0.0 Ready to start TLS'],
  [354, /./, 354, 'Send the message, ended by CR LF . CR LF'],
  [421, /^timeout$/, 421, '4.4.2 Waited too long for the client'],
  [421, /./, 421, '4.3.0 Closing the session; try again later'],
  [450, /./, 451, '4.3.0 Temporary failure, try again later'],
  [452, /./, 451, '4.3.0 Temporary failure, try again later'],
  [451, /./, 451, '4.3.0 Temporary failure, try again later'],
  [500, /./, 500, '5.5.1 Command not recognised'],
  [501, /^Invalid MAIL FROM/, 501, '5.1.7 Bad sender address'],
  [501, /^Invalid RCPT TO/, 501, '5.1.3 Bad recipient address'],
  [501, /^SSL attempted/, 501, '5.5.1 TLS begins with STARTTLS here'],
  [501, /8-bit/, 501, '5.5.2 Commands are ASCII unless EHLO was given'],
  [501, /./, 501, '5.5.4 Syntax error in the command or its parameters'],
  [503, /./, 503, '5.5.1 Bad sequence of commands'],
  [521, /./, 521, '5.5.2 Command line too long'],
  [
    550,
    /^Authentication required$/,
    550,
    '5.7.1 No submission: the ports 465 and 587 take no mail',
  ],
  [550, /./, 550, '5.3.0 Not accepted'],
  [554, /^No valid recipients$/, 503, '5.5.1 Bad sequence of commands'],
  [554, /./, 554, '5.3.0 Transaction failed'],
  [555, /./, 555, '5.5.4 Parameters need EHLO'],
]

/** All that can leave but the greeting and the answers to HELO and EHLO: `code text`, each once. */
export const everyReply: readonly string[] = [
  ...new Set([
    ...Object.values(replies).map(({ reply: { code, text } }) => `${code} ${text}`),
    ...rewrites.map(([, , code, text]) => `${code} ${text}`),
    ...[
      blockedByFilter('<name>'),
      blockedByList('<zone>', ''),
      blockedByList('<zone>', '<reason>'),
    ].map(({ reply: { code, text } }) => `${code} ${text}`),
    '<SmtpReplyCode> <StatusCode> <Message>',
    '250 OK <id>',
  ]),
]

/** Haraka's words behind our name in the answers to HELO and EHLO. RFC 5321 §4.1.1.1 wants the name. */
const pleasantry = / Hello .*$/

/** The reply that leaves where Haraka would have sent `code text`. Pure. */
export function rewritten(code: number, text: unknown): { code: number; text: unknown } {
  const first = String(Array.isArray(text) ? text[0] : text)
  if (code === 250 && pleasantry.test(first)) {
    const name = first.replace(pleasantry, '')
    return { code, text: Array.isArray(text) ? [name, ...text.slice(1)] : name }
  }
  const row = rewrites.find(([rowCode, pattern]) => rowCode === code && pattern.test(first))
  return row === undefined ? { code, text } : { code: row[2], text: row[3] }
}

const answered = new WeakMap<Connection, NonNullable<Answer['reply']>>()

/** The next reply on `connection` is `reply`, whatever Haraka pairs with the hook's result. */
export function answerWith(connection: Connection, reply: Answer['reply']): void {
  if (reply !== undefined) answered.set(connection, reply)
}

const badSequence = '503 5.5.1 Bad sequence of commands\r\n'

/**
 * How many commands came right behind the end of data. They are taken away: none may run, since a
 * sender that saw the end elsewhere did not mean them as commands (SMTP smuggling; Haraka 3.3.4,
 * GHSA-rp4q-8m6x-c43c), and Haraka's own answer to them has a text that none of `rewrites` reaches.
 */
function commandsAfterData(connection: Connection): number {
  const { current_data: pipelined, awaiting_data_reply: atTheEnd } = connection
  if (!atTheEnd || pipelined === null) return 0
  connection.current_data = null
  return pipelined.toString('latin1').split('\n').length - 1
}

/** Hears of each reply, and of so many 503s behind it; what it answers leaves next, and then the session ends. */
type NoteReply = (
  reply: { readonly code: number; readonly text: unknown },
  refusedBehind: number,
) => Refusal['reply'] | undefined

/**
 * Puts Postern's replies on a new connection. Haraka 3.3.4 has no setting for most of its texts, pairs
 * codes of its own with hook results (450 for a deferral) and adds the session's id to the 250.
 */
export function speakForUs(connection: Connection, note: NoteReply = () => undefined): void {
  const respond = connection.respond.bind(connection)
  connection.respond = shortLived((code, text, then) => {
    const reply = answered.get(connection) ?? rewritten(Number(code), text)
    answered.delete(connection)
    const refused = commandsAfterData(connection)
    const last = note(reply, refused)
    return respond(reply.code, reply.text, () => {
      if (refused > 0 && last === undefined) connection.client.write(badSequence.repeat(refused))
      then?.()
      if (last === undefined) return
      connection.client.write(`${last.code} ${last.text}\r\n`)
      connection.disconnect()
    })
  })
  // Haraka 3.3.4: INTERNALCMD lets anybody on this machine command the server. It is unknown here.
  connection.cmd_internalcmd = undefined
}
