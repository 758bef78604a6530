/** Each session from greeting to end: replies, EHLO, what MAIL may announce. RFC 5321 §3.1–3.3 */
import { edge } from '../src/edge.ts'
import { boundCommands } from '../src/haraka/command-flow.ts'
import { watchConduct } from '../src/haraka/conduct.ts'
import { type Hook, hook } from '../src/haraka/hook.ts'
import { isInternational, isMangled, mailParameters } from '../src/haraka/parameters.ts'
import { beImpatientWith } from '../src/haraka/patience.ts'
import { type Answer, proceed, replies, speakForUs } from '../src/haraka/replies.ts'
import { listenersAreUp } from '../src/haraka/server.ts'
import { isDraining, sessionBegins, sessionEnds, transactionEnds } from '../src/haraka/sessions.ts'
import { rememberReverseName, setMailState } from '../src/haraka/transaction.ts'
import type { Address, Connection, Parameters, Plugin } from '../src/haraka/types.ts'

export function register(this: Plugin): void {
  this.register_hook('init_master', 'onInit')
  this.register_hook('init_child', 'onInit')
  this.register_hook('connect_init', 'onConnectInit')
  this.register_hook('lookup_rdns', 'onLookupRdns')
  this.register_hook('connect', 'onConnect')
  this.register_hook('helo', 'onHello')
  this.register_hook('ehlo', 'onHello')
  this.register_hook('capabilities', 'onCapabilities')
  this.register_hook('mail', 'onMail')
  // Before the plugin `tls`, which Haraka loads first.
  this.register_hook('unrecognized_command', 'onUnrecognizedCommand', -10)
  this.register_hook('reset_transaction', 'onResetTransaction')
  this.register_hook('disconnect', 'onDisconnect')
}

export const onInit: Hook<undefined> = hook(() => {
  listenersAreUp()
  return proceed
})

export const onConnectInit: Hook<undefined> = hook((connection) => {
  const { smtp } = edge().config
  speakForUs(connection, watchConduct(connection, { ...smtp, ...smtp.limits }).note)
  boundCommands(connection)
  beImpatientWith(connection, { ...smtp, ...smtp.limits })
  sessionBegins(connection)
  const { ip, is_private } = connection.remote
  if (!is_private) rememberReverseName(connection, edge().reverseName(ip))
  // Haraka 3.3.4 leaves Nagle on: a client that pipelines waits 44 ms a message (performance.md).
  connection.client.targetsocket?.setNoDelay?.(true)
  return proceed
})

/** Answers at once, so that Haraka asks no DNS and the greeting waits for none: see receive.ts. */
export const onLookupRdns: Hook<undefined> = hook(() => ({ disposition: 'accept' }))

export const onConnect: Hook<undefined> = hook(() =>
  isDraining() ? replies.shuttingDown : proceed,
)

/** RFC 5321 §4.5.3.1.2. Haraka 3.3.4 forgets the name when it is refused. */
export const onHello: Hook<string> = hook((_connection, name) =>
  name.length > 255 ? replies.syntaxError : proceed,
)

/** RFC 1870 §3: SIZE is ours to say, since capture is what limits. RFC 2034: our enhanced codes. */
export const onCapabilities: Hook<undefined> = hook((connection) => {
  const { maxMessageBytes } = edge().config.smtp
  connection.capabilities = (connection.capabilities ?? [])
    .map((each) => (each.startsWith('SIZE ') ? `SIZE ${maxMessageBytes}` : each))
    .concat('ENHANCEDSTATUSCODES')
  return proceed
})

/** Haraka 3.3.4 would begin TLS inside TLS. RFC 3207 §4.2: there is no STARTTLS any more; §4: nor with parameters. */
export const onUnrecognizedCommand: Hook<readonly string[]> = hook(({ tls }, [command, rest]) => {
  if (tls.enabled) tls.advertised = false
  const isStartTls = tls.advertised && command?.toUpperCase() === 'STARTTLS'
  return isStartTls && rest ? replies.syntaxError : proceed
})

export const onMail: Hook<[Address, Parameters]> = hook((connection, [from, parameters]) => {
  const given = mailParameters(parameters)
  if ('disposition' in given) return given
  const { smtpUtf8, size } = given
  if (isMangled(from)) return replies.badSender
  if (isInternational(from) && !smtpUtf8) return replies.needsSmtpUtf8
  setMailState(connection, { smtpUtf8, rules: edge().rules() })
  return mayBegin(size)
})

function mayBegin(size: number): Answer {
  const { config, space } = edge()
  if (isDraining()) return replies.shuttingDown
  if (size > config.smtp.maxMessageBytes) return replies.tooLarge
  if (space.isLow(size)) return replies.diskLow
  return proceed
}

export const onResetTransaction: Hook<undefined> = hook((connection) => {
  transactionEnds(connection)
  return proceed
})

export const onDisconnect: Hook<undefined> = hook((connection: Connection) => {
  sessionEnds(connection)
  return proceed
})
