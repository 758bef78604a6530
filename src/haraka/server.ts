/**
 * Runs Haraka inside this process (and, with cluster workers, again in each of them). Haraka's own
 * launcher is not used: it answers only SIGINT, and it kills the sessions it has (pitfalls P21, B9).
 */
import fs from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo, Server as NetServer } from 'node:net'
import os from 'node:os'
import { createSecureContext, type SecureContext } from 'node:tls'
import { log } from '../log.ts'
import { spare } from '../spared.ts'
import { type Door, guard } from './admission.ts'
import { nothing } from './short-lived.ts'

type HarakaServer = {
  readonly createServer: () => void
  readonly stopListeners: () => void
  readonly listeners: readonly NetServer[]
}
type HarakaConfig = { get: (name: string, ...how: unknown[]) => unknown }
type HarakaResults = { readonly prototype: object }
type Bind = (this: unknown, server: NetServer, options: object) => Promise<unknown>
type HarakaNetUtils = { readonly Endpoint: { readonly prototype: { bind: Bind } } }
type TlsSocket = { readonly certsByHost: { readonly set: (path: string, value: unknown) => void } }

let server: HarakaServer | undefined
let whenListening: (() => void) | undefined

/** Loads the plugins and listens; `then` runs in a process that accepts connections, once it does. */
export function startHaraka(home: string, then: () => void): void {
  whenListening = then
  // Haraka 3.3.4 asks the kernel for the host's name at every reply: 3 % of the CPU at 4 KiB.
  const name = os.hostname()
  os.hostname = () => name
  // Read by Haraka when its modules are loaded.
  process.env['HARAKA'] = home
  const require = createRequire(import.meta.url)
  // Haraka 3.3.4 loads what sends mail with what takes it, and a Redis client with that: 0.3 s of CPU
  // at each start of an SMTP process, and 25 MB of its memory.
  spare(require, 'haraka/outbound', { init_queue() {}, scan_queue_pids: () => [] })
  rememberSettings(require('haraka-config') as HarakaConfig)
  keepNoResults(require('haraka-results') as HarakaResults)
  waitInLongerLine(require('haraka-net-utils') as HarakaNetUtils)
  server = require('haraka/server') as HarakaServer
  server.createServer()
}

/** What Haraka 3.3.4 asks for once or more for each connection and each transaction. Nobody changes what they get. */
const askedAgainAndAgain = new Set(['me', 'results.ini', 'connection.ini'])

/**
 * Haraka 3.3.4 looks for the path of a file, reads its cache and copies what it finds each time: 2 % of the CPU at
 * 4 KiB. The files are ours and do not change while it runs (home.ts).
 */
function rememberSettings(config: HarakaConfig): void {
  const get = config.get.bind(config)
  const known = new Map<string, unknown>()
  config.get = (name, ...how) => {
    if (!askedAgainAndAgain.has(name)) return get(name, ...how)
    const asked = name + JSON.stringify(how)
    if (!known.has(asked)) known.set(asked, get(name, ...how))
    return known.get(asked)
  }
}

/**
 * Haraka 3.3.4 writes down for other plugins what each command gave, copies and joins it for its log: 3 % of the CPU at 4 KiB;
 * and it goes through all recipients, refused ones too, at each RCPT. Nothing here reads any of it.
 */
function keepNoResults({ prototype }: HarakaResults): void {
  Object.assign(prototype, { add: nothing, incr: nothing, push: nothing })
}

/** Connections that may wait to be taken; Linux allows as many (net.core.somaxconn). */
const backlog = 4096

/**
 * Haraka 3.3.4 leaves it at Node's 511, which a burst fills while the process collects garbage. A connection that finds no place is
 * forgotten by Linux, and its client believes that it has one and waits.
 */
function waitInLongerLine({ Endpoint }: HarakaNetUtils): void {
  const { bind } = Endpoint.prototype
  Endpoint.prototype.bind = function (server, options) {
    return bind.call(this, server, { ...options, backlog })
  }
}

/** Called by the plugin `session` in Haraka's init hooks, which run when the listeners are up. */
export function listenersAreUp(): void {
  whenListening?.()
}

/** To be called when they are up. */
export function guardListeners(door: Door): void {
  guard(server?.listeners ?? [], door)
}

export function stopListening(): void {
  server?.stopListeners()
}

/** The addresses this process listens on, `host:port`. */
export function listening(): string[] {
  return (server?.listeners ?? []).map((each) => {
    const { address, family, port } = each.address() as AddressInfo
    return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
  })
}

export type CertificateFiles = { readonly cert: string; readonly key: string }

/**
 * One TLS context for all sessions, made anew when the files change. Haraka 3.3.4 parses the
 * certificate again for each STARTTLS and never looks at the files again.
 */
export function keepCertificate(files: CertificateFiles): void {
  const tlsSocket = createRequire(import.meta.url)('haraka/tls_socket') as TlsSocket
  const use = (context: SecureContext): void => {
    tlsSocket.certsByHost.set('*.secureContext', context)
    tlsSocket.certsByHost.set(
      '*.SNICallback',
      (_name: string, done: (error: null, context: SecureContext) => void) => done(null, context),
    )
  }
  const read = (): SecureContext => {
    // At start the configuration is refused for it (cross-check.ts).
    if ((fs.statSync(files.key).mode & 0o004) !== 0)
      throw new Error(`everybody can read ${files.key}: chmod 600 it`)
    return createSecureContext({
      cert: fs.readFileSync(files.cert),
      key: fs.readFileSync(files.key),
      minVersion: 'TLSv1.2',
    })
  }
  use(read())
  for (const path of [files.cert, files.key]) {
    fs.watchFile(path, { interval: 5000, persistent: false }, () => {
      try {
        use(read())
        log.info({ path }, 'The TLS certificate was read anew')
      } catch (error) {
        // Cert and key are replaced one after the other: between the two they do not match.
        log.warn(
          { path, err: error },
          `The TLS certificate ${path} changed and can't be used; the old one stays`,
        )
      }
    })
  }
}
