/**
 * Bare Haraka, as its own launcher starts it with the configuration it comes with: one plugin, which takes
 * every recipient and throws every message away. It checks nothing and keeps nothing.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/support/port.ts'
import type { Certificate } from './certificate.ts'
import { newDirectory, type Server, startPeer } from './server.ts'

const haraka = join(import.meta.dirname, '../../node_modules/haraka')

const discard = `exports.hook_rcpt = (next) => next(OK)
exports.hook_queue = (next) => next(OK)
`

export type HarakaOptions = {
  /** Cluster workers; 0: none, one process, which is its default. */
  readonly workers?: number
  /** What its manual advises for speed: log level warn instead of info, no version in a Received field. */
  readonly tuned?: boolean
  readonly certificate?: Certificate
}

export async function startHaraka({
  workers = 0,
  tuned = false,
  certificate,
}: HarakaOptions = {}): Promise<Server> {
  const directory = newDirectory('haraka')
  const port = await freePort()
  // As `haraka --install` makes it.
  cpSync(join(haraka, 'config'), join(directory, 'config'), { recursive: true })
  mkdirSync(join(directory, 'plugins'))
  const files: Record<string, string> = {
    'plugins/discard_all.js': discard,
    'config/plugins': certificate === undefined ? 'discard_all\n' : 'tls\ndiscard_all\n',
    'config/smtp.ini': `listen=127.0.0.1:${port}\n${workers > 0 ? `nodes=${workers}\n` : ''}`,
    'config/me': 'mx.example.test\n',
  }
  if (tuned) {
    const changed = (name: string, from: string, to: string): void => {
      files[name] = readFileSync(join(directory, name), 'utf8').replace(from, to)
    }
    changed('config/log.ini', 'level=info', 'level=warn')
    changed('config/connection.ini', '; show_version=true', 'show_version=false')
    // Where it is missing, Haraka 3.3.4 looks for it again at every result.
    files['config/results.ini'] = ''
  }
  if (certificate !== undefined) {
    files['config/tls_key.pem'] = certificate.key
    files['config/tls_cert.pem'] = certificate.cert
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
  }
  const command = [process.execPath, join(haraka, 'bin/haraka'), '-c', directory] as const
  return startPeer({ name: 'Haraka', directory, command: [...command], port })
}
