/**
 * Writes the directory Haraka runs in. Every limit Haraka has is stated: what is missing would be
 * "no limit" or crash at the first client (Haraka 3.3.4; pitfalls P22, B14). Nothing here is edited
 * by hand; it is made anew at each start from Postern's own configuration.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { hookTimeoutMs } from './hook.ts'

export type HomeSettings = {
  readonly hostname: string
  /** `host:port`, IPv6 hosts in brackets. */
  readonly listen: readonly string[]
  /** Cluster workers; 0 = serve from the one process. */
  readonly processes: number
  readonly inactivitySeconds: number
  /** Plugin names in the order of the session; each is a file of `plugins/`. */
  readonly plugins: readonly string[]
  /** The directory of the plugin files, and their extension: `.ts` in a checkout, `.js` in a build. */
  readonly pluginDirectory: string
  readonly extension: string
  /** PEM texts. */
  readonly tls: { readonly key: string; readonly cert: string }
}

/** RFC 7919 ffdhe2048. Given, so that Haraka does not spend half a minute on making its own. */
const ffdhe2048 = `-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
`

/** Makes the home at `home`, replacing one that is there. */
export function writeHome(home: string, settings: HomeSettings): void {
  writeFiles(home, {
    ...configuration(settings),
    ...Object.fromEntries(settings.plugins.map((name) => stub(name, settings))),
  })
}

export type OutboundHomeSettings = Pick<
  HomeSettings,
  'hostname' | 'pluginDirectory' | 'extension'
> & {
  /** Haraka's queue directory. */
  readonly queue: string
}

/** The same for Haraka's outbound alone, which listens nowhere. */
export function writeOutboundHome(home: string, settings: OutboundHomeSettings): void {
  const plugins = ['log', 'outbound']
  writeFiles(home, {
    'config/me': `${settings.hostname}\n`,
    'config/plugins': `${plugins.map((name) => `postern/${name}`).join('\n')}\n`,
    'config/plugin_timeout': '30\n',
    'config/log.ini': logIni,
    'config/queue_dir': `${settings.queue}\n`,
    'config/connection.ini': connectionIni,
    'config/results.ini': '[remote]\n',
    'config/smtp.ini': '[headers]\nadd_received=false\n',
    'config/outbound.ini': ini({
      concurrency_max: 10,
      connect_timeout: 30,
      enable_tls: true,
      // A sender may have its mail here. Its bounce does not come back: the reverse-path is null.
      local_mx_ok: true,
      received_header: 'disabled',
      // Two days: a bounce that comes later helps nobody (RFC 5321 §4.5.4.1 asks four of mail itself).
      temp_fail_intervals: '1m,5m*3,15m*3,1h*47',
    }),
    // Opportunistic: a bounce in clear text is better than none. Without the section, it asks a Redis.
    'config/tls.ini':
      '[outbound]\nrejectUnauthorized=false\n\n[redis]\ndisable_for_failed_hosts=false\n',
    ...Object.fromEntries(plugins.map((name) => stub(name, settings))),
  })
}

function writeFiles(home: string, files: Readonly<Record<string, string>>): void {
  fs.rmSync(home, { recursive: true, force: true })
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, name)
    fs.mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
    fs.writeFileSync(path, text, { mode: 0o600 })
  }
}

/** Haraka's loader takes a folder whose package.json says where the code is; TypeScript will do. */
function stub(
  name: string,
  { pluginDirectory, extension }: Pick<HomeSettings, 'pluginDirectory' | 'extension'>,
): [string, string] {
  const main = join(pluginDirectory, `${name}${extension}`)
  return [`plugins/postern/${name}/package.json`, JSON.stringify({ name, main })]
}

function configuration(settings: HomeSettings): Record<string, string> {
  const { hostname, listen, processes, inactivitySeconds, plugins, tls } = settings
  return {
    'config/me': `${hostname}\n`,
    'config/plugins': `${['tls', ...plugins.map((name) => `postern/${name}`)].join('\n')}\n`,
    'config/plugin_timeout': `${hookTimeoutMs / 1000 + 10}\n`,
    // The log plugin takes the records, as JSON; what Haraka says below warn is not worth its cost.
    'config/log.ini': logIni,
    'config/smtp.ini': ini({
      listen: listen.join(','),
      nodes: processes,
      inactivity_timeout: inactivitySeconds,
      // No port begins with TLS: RFC 8314 §3 is about submission.
      smtps_port: -1,
      daemonize: false,
      graceful_shutdown: true,
      force_shutdown_timeout: 30,
    }),
    'config/connection.ini': connectionIni,
    'config/results.ini': '[remote]\n',
    'config/tls.ini': ini({
      key: 'tls_key.pem',
      cert: 'tls_cert.pem',
      dhparam: 'dhparams.pem',
      minVersion: 'TLSv1.2',
      requestCert: false,
      rejectUnauthorized: false,
      requestOCSP: false,
    }),
    'config/tls_key.pem': tls.key,
    'config/tls_cert.pem': tls.cert,
    'config/dhparams.pem': ffdhe2048,
  }
}

const logIni = 'level=warn\ntimestamps=false\nformat=json\n'

function ini(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/**
 * Size, lines, header section and hops are Postern's to limit (data-reader.ts, plugins/capture.ts):
 * Haraka never sees the content, so its own limits on it are off. `bytes=0`: SIZE is ours too.
 */
const connectionIni = `[main]
strict_rfc1869=false
postel=false
smtputf8=true
spool_after=-1

[haproxy]
enabled=false
hosts[]=

[headers]
add_received=false
clean_auth_results=false
show_version=false
max_lines=1000
max_received=100

[max]
bytes=0
mime_parts=1000
line_length=2048
data_line_length=1000000

[message]
greeting[]=Postern
helo=pleased to meet you
close=Bye

[uuid]
banner_chars=0
deny_chars=0
`
