/** What `postern serve` prints when it serves: where, what is off and how to switch it on, and what to type. */
import type { Config } from '../config/options.ts'
import { places, usesEmbeddedKey } from '../roles/prepare.ts'
import { bucketPlace } from '../roles/stores.ts'
import type { Started } from '../roles/supervisor.ts'

export function banner(config: Config, file: string | undefined, started: Started): string {
  const [domain = 'example.test'] = config.domains
  const [address = config.smtp.listen[0] ?? ''] = started.smtp
  const option = file === undefined ? '' : ` --config ${file}`
  const run = `npx postern${option}`
  return [
    '',
    `Postern takes mail for ${config.domains.join(', ')}`,
    `  SMTP     ${started.smtp.join(', ')}`,
    `  status   ${started.http}/readyz and /metrics`,
    `  rules    ${config.rules.dir}/${config.rules.active}`,
    `  store    ${describeStore(config)}`,
    `  sealed   ${describeKey(config, started.madeKey)}`,
    ...switchedOff(config, file),
    '',
    'Send a first message, then read it:',
    `  ${run} send --to you@${domain}`,
    `  swaks --server ${address} --to you@${domain}        (apt-get install swaks)`,
    `  ${run} mail list`,
    `  ${run} mail get`,
    '',
    'Ctrl-C stops it. Mail that was answered 250 is safe on disk whatever happens.',
    '',
  ].join('\n')
}

function describeStore(config: Config): string {
  const place = bucketPlace(config, 'BUCKET')
  return place.type === 'dir'
    ? `directories ${place.path}`
    : `S3 at ${place.endpoint ?? `Amazon, ${place.region}`}`
}

function describeKey(config: Config, made: boolean): string {
  if (config.encryption.default === 'none')
    return 'no: encryption.default is none, objects are plaintext'
  const name = config.encryption.default
  if (!usesEmbeddedKey(config)) return `to ${name}; this server can't read what it stores`
  const { secretKey } = places(config.dataDir)
  return `to ${name}${made ? ', made just now' : ''}. The server never reads the secret key: move ${secretKey} to the machine that reads the mail`
}

/** One line each for what is missing, with the line of postern.yaml that would mend it. */
function switchedOff({ smtp, domains, redis }: Config, file: string | undefined): string[] {
  const where = file ?? 'postern.yaml'
  const off = [
    'SPF, DKIM, DMARC, virus and spam checks: not in this release; their verdicts read DISABLED',
    ...(smtp.tls
      ? []
      : [
          `trusted certificate: STARTTLS uses a self-signed one   smtp: { tls: { cert: FILE, key: FILE } }`,
        ]),
    ...(smtp.listen.every((each) => each.startsWith('127.'))
      ? ['mail from other machines: only this one is listened to     smtp: { listen: ["[::]:25"] }']
      : []),
    ...(domains.includes('example.test')
      ? ['your domain: example.test is for trying out                  domains: [example.com]']
      : []),
    ...(redis === 'embedded'
      ? ['shared Redis: a child redis-server is used                   redis: redis://HOST:6379']
      : []),
  ]
  return ['', `Off, and what switches it on in ${where}:`, ...off.map((each) => `  ${each}`)]
}
