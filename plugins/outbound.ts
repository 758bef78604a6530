/**
 * Bounce messages on their way out, in the worker: where they go, and what became of them. Loaded in
 * Haraka's outbound only (src/haraka/outbound.ts), never in the SMTP processes.
 */
import { cont, ok } from 'haraka-constants'
import { route } from '../src/haraka/outbound.ts'
import { isInternational } from '../src/haraka/parameters.ts'
import type { Next, Plugin } from '../src/haraka/types.ts'
import { log } from '../src/log.ts'

export function register(this: Plugin): void {
  this.register_hook('get_mx', 'onGetMx')
  this.register_hook('delivered', 'onDelivered')
  this.register_hook('deferred', 'onDeferred')
  this.register_hook('bounce', 'onBounce')
}

type Path = { readonly address: string; format: (ascii: boolean) => string }
type Item = {
  readonly todo: {
    readonly mail_from: Path
    readonly rcpt_to: readonly Path[]
    readonly notes: Record<string, unknown>
  }
}

// None is wrapped by hook(): there is no session, and nothing here can fail.

export const onGetMx = (next: Next, item: Item, _domain: string): void => {
  askForSmtpUtf8(item)
  const { hostname, relay } = route()
  // Haraka 3.3.4 says EHLO undefined where NODE_ENV is test.
  item.todo.notes['outbound_helo'] = hostname
  if (relay === undefined) next(cont)
  else next(ok, { exchange: relay.host, port: relay.port, priority: 0 })
}

export const onDelivered = (next: Next, item: Item, [host]: readonly string[]): void => {
  log.info({ to: recipientsOf(item), host }, 'Bounce message delivered')
  next()
}

export const onDeferred = (next: Next, item: Item, { err }: { err?: unknown }): void => {
  log.warn({ to: recipientsOf(item), reason: String(err) }, 'Bounce message waits')
  next()
}

/** Its reverse-path is null: nobody can be told, and nothing more is sent (RFC 5321 §4.5.5). */
export const onBounce = (next: Next, item: Item, error: Error): void => {
  log.error(
    { to: recipientsOf(item), reason: error.message },
    'Bounce message could not be delivered and is given up',
  )
  next(ok)
}

/**
 * RFC 6531 §3.4: MAIL says SMTPUTF8 where any address needs it. Haraka 3.3.4 looks at the reverse-path alone,
 * which is null here. Where the server offers it, Haraka has the path formatted with `false`.
 */
function askForSmtpUtf8({ todo }: Item): void {
  if (!todo.rcpt_to.some(isInternational)) return
  todo.mail_from.format = (ascii) => (ascii ? '<>' : '<> SMTPUTF8')
}

function recipientsOf({ todo }: Item): string[] {
  return todo.rcpt_to.map(({ address }) => address)
}
