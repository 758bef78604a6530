/**
 * The scanners that both sides ask: one clamd and one rspamd, Debian's configuration of it without the modules
 * that ask the network or a Redis. Postfix comes through rspamd's milter proxy, and rspamd makes SPF, DKIM and
 * DMARC and asks clamd (its antivirus module). Postern comes over HTTP and makes these itself, so that for its
 * requests they are off in rspamd (its settings module): each check is made once on either side. clamd gets the
 * whole message from both, as Postern sends it always, and not rspamd's own reading of its parts.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startClamd } from '../../test/support/clamd.ts'
import { freePort } from '../../test/support/port.ts'
import { inMemory } from '../../test/support/temporary.ts'
import { endLater, newDirectory, startPeer } from './server.ts'

export type Engines = {
  readonly config: Readonly<Record<string, unknown>>
  /** As Postfix's `smtpd_milters` takes it. */
  readonly milter: string
  readonly pids: readonly number[]
  readonly stop: () => Promise<void>
}

/** What it compiles is kept for the next run: it takes longer than all that is measured. */
const cache = join(import.meta.dirname, '../../node_modules/.rspamd-expressions')

/** By which rspamd knows that Postern asks. */
const ownName = 'postern.example.test'

const needless = [
  ...['arc', 'asn', 'bimi', 'clickhouse', 'dcc', 'dkim_signing', 'elastic', 'fuzzy_check'],
  ...[
    'greylist',
    'history_redis',
    'metadata_exporter',
    'mx_check',
    'neural',
    'phishing',
    'ratelimit',
  ],
  ...['rbl', 'redis', 'replies', 'reputation', 'rspamd_update', 'surbl', 'url_redirector'],
]

export async function startEngines(dns: string): Promise<Engines> {
  // It makes files for each message, and an ext4 without a journal on which another group has just deleted thousands
  // takes 0.7 ms for each.
  const work = mkdtempSync(join(inMemory, 'postern-bench-clamd-'))
  // It remembers what it found clean; the same message comes again and again.
  const clamd = await startClamd(`DisableCache yes\nTemporaryDirectory ${work}`)
  const stopClamd = endLater(async () => {
    await clamd.stop()
    rmSync(work, { recursive: true, force: true })
  })
  const directory = newDirectory('rspamd')
  const ports = { worker: await freePort(), proxy: await freePort() }
  const local = join(directory, 'local.d')
  for (const each of [local, ...['run', 'db', 'log'].map((name) => join(directory, name))]) {
    mkdirSync(each)
  }
  mkdirSync(cache, { recursive: true })
  // The list of all top-level domains takes it nine seconds to read.
  writeFileSync(join(directory, 'domains.dat'), 'test\n')
  const files = filesOf(directory, dns, clamd.place.replace('unix:', ''), ports)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(local, name), text)
  const variables = Object.entries({
    LOCAL_CONFDIR: directory,
    RUNDIR: join(directory, 'run'),
    DBDIR: join(directory, 'db'),
    LOGDIR: join(directory, 'log'),
  }).map(([name, value]) => `--var=${name}=${value}`)
  const rspamd = await startPeer({
    name: 'rspamd',
    directory,
    command: ['rspamd', '-f', '-i', '-c', '/etc/rspamd/rspamd.conf', ...variables],
    port: ports.worker,
    answers: async (port) => {
      const found = await fetch(`http://127.0.0.1:${port}/ping`).catch(() => undefined)
      return found?.status === 200
    },
  })
  const pids = [rspamd.pid, clamd.pid]
  await compiled(join(directory, 'log/rspamd.log'))
  return {
    config: {
      hostname: ownName,
      virus: { clamd: clamd.place },
      spam: { rspamd: `http://127.0.0.1:${ports.worker}` },
    },
    milter: `inet:127.0.0.1:${ports.proxy}`,
    pids,
    async stop() {
      await Promise.all([rspamd.stop(), stopClamd()])
    },
  }
}

/** It compiles its expressions after its start, and is slower until it has them. */
async function compiled(log: string): Promise<void> {
  const until = performance.now() + 30_000
  while (
    !readFileSync(log, 'utf8').includes('full hyperscan database') &&
    performance.now() < until
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function filesOf(
  directory: string,
  dns: string,
  clamd: string,
  ports: { readonly worker: number; readonly proxy: number },
): Record<string, string> {
  // The client is on loopback, which these leave alone unless told.
  const local = 'check_local = true;\n'
  return {
    ...Object.fromEntries(needless.map((name) => [`${name}.conf`, 'enabled = false;\n'])),
    'worker-normal.inc': `bind_socket = "127.0.0.1:${ports.worker}";\ncount = 1;\n`,
    'worker-proxy.inc': `bind_socket = "127.0.0.1:${ports.proxy}";
upstream "local" { default = yes; hosts = "127.0.0.1:${ports.worker}"; }
`,
    'worker-controller.inc': 'enabled = false;\n',
    'options.inc': `dns { nameserver = ["${dns}"]; timeout = 1s; retransmits = 1; }
url_tld = "${directory}/domains.dat";
hs_cache_dir = "${cache}";
`,
    'spf.conf': local,
    'dkim.conf': local,
    'dmarc.conf': local,
    'antivirus.conf': `clamav { type = "clamav"; servers = "${clamd}"; scan_mime_parts = false; symbol = "CLAM_VIRUS"; }\n`,
    'settings.conf': `own {
  request_header = { "MTA-Name" = "${ownName}"; }
  apply { groups_disabled = ["spf", "dkim", "dmarc", "antivirus"]; }
}
`,
  }
}
