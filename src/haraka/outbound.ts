/**
 * Haraka's outbound in a worker process: takes bounce messages, keeps them in a queue on disk of its own,
 * and delivers them by the MX of their recipient or through a relay. Once Haraka has a message it is
 * Haraka's to deliver: it tries for two days, and goes on after a restart.
 */
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { ok } from 'haraka-constants'
import { describeError } from '../errors.ts'
import { log } from '../log.ts'
import { writeOutboundHome } from './home.ts'
import { hasWaiting, syncQueue, takeOver } from './outbound-queue.ts'

export type OutboundOptions = {
  /** Where Haraka's configuration is written, and its queue; one of each for each process. */
  readonly home: string
  readonly queue: string
  /** Queues of processes that an earlier configuration had and this one has not. */
  readonly abandoned: readonly string[]
  readonly hostname: string
  /** All mail goes through it; without it, MX records decide. */
  readonly relay?: Relay
  readonly pluginDirectory: string
  readonly extension: string
}

export type Relay = { readonly host: string; readonly port: number }

/** Whom a message goes to, and what it calls itself there. */
export type Route = Pick<OutboundOptions, 'hostname' | 'relay'>

export type Outbound = {
  /** Resolves when the message is in Haraka's queue, fsynced. The reverse-path is null. */
  readonly send: (to: string, message: Buffer) => Promise<void>
}

type HarakaOutbound = {
  readonly send_email: (
    from: string,
    to: string,
    contents: string,
    next: (code: number, text: unknown) => void,
  ) => void
  readonly init_queue: (pid: undefined) => Promise<void>
}

let theRoute: Route | undefined
let loaded: Promise<HarakaOutbound> | undefined

/** For plugins/outbound.ts. */
export function route(): Route {
  if (theRoute === undefined) throw new Error('outbound has not been started')
  return theRoute
}

/** Haraka is loaded with the first message, or with those that wait: most nodes never send one. */
export function openOutbound(options: OutboundOptions): Outbound {
  takeOver(options.queue, options.abandoned)
  if (hasWaiting(options.queue))
    load(options).catch((error: unknown) => {
      log.error(
        { reason: describeError(error) },
        'Bounce messages that wait can not be sent; they stay in the queue until the next one or the next start',
      )
    })
  return {
    async send(to, message) {
      const outbound = await load(options)
      await new Promise<void>((resolve, reject) => {
        outbound.send_email('<>', `<${to}>`, message.toString('utf8'), (code, text) => {
          if (code === ok) resolve()
          else reject(new Error(`Haraka's outbound did not take the message: ${text}`))
        })
      })
      await syncQueue(options.queue)
    },
  }
}

function load(options: OutboundOptions): Promise<HarakaOutbound> {
  loaded ??= start(options).catch((error: unknown) => {
    loaded = undefined
    throw error
  })
  return loaded
}

async function start(options: OutboundOptions): Promise<HarakaOutbound> {
  theRoute = options
  mkdirSync(options.queue, { recursive: true, mode: 0o700 })
  writeOutboundHome(options.home, options)
  // Read by Haraka when its modules are loaded.
  process.env['HARAKA'] = options.home
  const require = createRequire(import.meta.url)
  const plugins = require('haraka/plugins') as { load_plugins: () => void }
  plugins.load_plugins()
  const outbound = require('haraka/outbound') as HarakaOutbound
  // Haraka 3.3.4: hmail.js finds the queue a turn of the event loop later.
  await new Promise((resolve) => setImmediate(resolve))
  await outbound.init_queue(undefined)
  return outbound
}
