/** What `postern serve` prints when it serves: where, what is off and how to switch it on, and what to type. */
import type { Config } from '../config/options.ts'
import { bucketPlace } from '../roles/buckets.ts'
import { clamdPlace } from '../roles/clamd.ts'
import { places, usesEmbeddedKey } from '../roles/prepare.ts'
import { rootRemedy } from '../roles/privileges.ts'
import { namesSealedTo } from '../roles/sealers.ts'
import { keyConfig } from '../roles/sealing-keys.ts'
import type { Started } from '../roles/supervisor.ts'

/** `file`: the configuration, if one is used; `run`: what the user types to run this program. */
export function banner(
  config: Config,
  { file, run }: { readonly file: string | undefined; readonly run: string },
  started: Started,
): string {
  const [domain = 'example.test'] = config.domains
  const [address = config.smtp.listen[0] ?? ''] = started.smtp
  return [
    '',
    `Postern takes mail for ${config.domains.join(', ')}`,
    `  SMTP     ${started.smtp.join(', ')}`,
    `  status   ${started.http}/readyz and /metrics`,
    `  rules    ${config.rules.dir}/${config.rules.active}`,
    `  store    ${describeStore(config)}`,
    ...describeKey(config, started.madeKey),
    `  checks   ${describeChecks(config)}`,
    ...switchedOff(config, file),
    '',
    'Send a first message, then read it:',
    `  ${run} send --to you@${domain}`,
    `  swaks --server ${address} --to you@${domain}        (apt-get install swaks)`,
    `  ${run} mail list`,
    `  ${run} mail get`,
    `  ${run} send --to you@${domain} --virus --spam        (then see the verdicts)`,
    '',
    'Ctrl-C stops it. Mail that was answered 250 is safe on disk whatever happens.',
    '',
  ].join('\n')
}

function describeStore(config: Config): string {
  const place = bucketPlace(config, 'BUCKET')
  return place.type === 'dir'
    ? `directories, ${place.path}`
    : `S3 at ${place.endpoint ?? `Amazon, ${place.region}`}`
}

function describeChecks(config: Config): string {
  const clamd = clamdPlace(config)
  return [
    'SPF, DKIM, DMARC, ARC',
    ...(clamd === undefined
      ? []
      : [
          `viruses by clamd at ${clamd.place}${clamd.testSignaturesOnly ? ' (TEST SIGNATURES ONLY)' : ''}`,
        ]),
    ...(config.spam.rspamd === 'off' ? [] : [`spam by rspamd at ${config.spam.rspamd}`]),
  ].join('; ')
}

function describeKey(config: Config, made: boolean): string[] {
  const names = namesSealedTo(config, undefined)
  if (names === 'none') return ['  sealed   no: encryption.default is none, objects are plaintext']
  const name = names.map((each) => `key/${each}`).join(', ')
  const opens = names.some((each) => keyConfig(config, each).type === 'aes')
  if (opens) return [`  sealed   to ${name}, with which this server can open what it stored`]
  if (!usesEmbeddedKey(config)) return [`  sealed   to ${name}, which this server can't open`]
  const { secretKey } = places(config.dataDir)
  return [
    `  sealed   to ${name}${made ? ', a key pair made just now' : ''}`,
    `           this server never reads the secret key: move it to the machine that reads the mail,`,
    `           ${secretKey}`,
  ]
}

/** What is missing, each with the line of postern.yaml that mends it. */
function switchedOff(config: Config, file: string | undefined): string[] {
  const { smtp, domains, redis, spam, virus } = config
  const off: [string, string][] = []
  const clamd = clamdPlace(config)
  if (clamd === undefined) {
    off.push([
      'the virus scanner',
      virus.clamd === 'off'
        ? 'virus: { clamd: auto }'
        : 'none was found: apt-get install clamav-daemon, then start again',
    ])
  } else if (clamd.testSignaturesOnly) {
    off.push([
      'real virus signatures',
      'apt-get install clamav-freshclam && freshclam, then start again',
    ])
  }
  if (spam.rspamd === 'off')
    off.push(['the spam filter', 'spam: { rspamd: "http://127.0.0.1:11333" }'])
  if (smtp.tls === undefined) {
    off.push(['a certificate others trust', 'smtp: { tls: { cert: FILE, key: FILE } }'])
  }
  if (smtp.listen.every((each) => each.startsWith('127.'))) {
    off.push(['mail from other machines', 'smtp: { listen: ["[::]:25"] }'])
  }
  if (domains.includes('example.test')) off.push(['your own domain', 'domains: [example.com]'])
  if (process.getuid?.() === 0) off.push(['a user with fewer rights than root', rootRemedy])
  if (redis === 'embedded') off.push(['a Redis that nodes share', 'redis: redis://HOST:6379'])
  const width = Math.max(...off.map(([what]) => what.length))
  return [
    '',
    `Off, and the line of ${file ?? 'postern.yaml'} that switches it on:`,
    ...off.map(([what, line]) => `  ${what.padEnd(width)}  ${line}`),
  ]
}
