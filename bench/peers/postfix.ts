/**
 * Postfix with a queue and a log of its own, nothing of the machine's: it takes all mail for the domain,
 * fsyncs it into its queue (its default) and delivers it to discard(8). It checks nothing, unless a milter does.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/support/port.ts'
import type { Certificate } from './certificate.ts'
import { newDirectory, type Server, startPeer } from './server.ts'

export type PostfixOptions = {
  /** As `smtpd_milters` takes it. */
  readonly milter?: string
  readonly certificate?: Certificate
}

const queues = [
  ...['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming'],
  ...['private', 'saved', 'trace'],
]

export async function startPostfix({ milter, certificate }: PostfixOptions = {}): Promise<Server> {
  if (process.getuid?.() !== 0) throw new Error('Postfix can be started by root only')
  const directory = newDirectory('postfix')
  // Its daemons run as postfix.
  chmodSync(directory, 0o755)
  const port = await freePort()
  const at = (name: string): string => join(directory, name)
  const daemons = postconf('daemon_directory')
  const owner = { uid: idOf('passwd', 'postfix'), gid: idOf('group', 'postfix') }
  for (const each of ['queue', 'queue/pid', 'etc']) mkdirSync(at(each), { mode: 0o755 })
  const owned = [...queues, 'maildrop', 'public'].map((each) => `queue/${each}`)
  for (const each of [...owned, 'data']) {
    mkdirSync(at(each), { mode: 0o700 })
    chownSync(at(each), owner.uid, owner.gid)
  }
  if (certificate !== undefined) {
    writeFileSync(at('etc/key.pem'), certificate.key, { mode: 0o600 })
    writeFileSync(at('etc/cert.pem'), certificate.cert)
  }
  writeFileSync(at('etc/main.cf'), mainCf(at, daemons, { milter, tls: certificate !== undefined }))
  writeFileSync(at('etc/master.cf'), masterCf(port))
  const command = [join(daemons, 'master'), '-c', at('etc'), '-d'] as const
  return startPeer({ name: 'Postfix', directory, command: [...command], port })
}

/** Limits by client are off and there are processes enough, as somebody measuring it would have it. */
function mainCf(
  at: (name: string) => string,
  daemons: string,
  { milter, tls }: { readonly milter: string | undefined; readonly tls: boolean },
): string {
  const settings: Record<string, string | number> = {
    compatibility_level: '3.6',
    queue_directory: at('queue'),
    data_directory: at('data'),
    daemon_directory: daemons,
    maillog_file: at('maillog'),
    maillog_file_prefixes: at(''),
    mail_owner: 'postfix',
    // It only has to exist here: nothing is submitted by sendmail(1).
    setgid_group: isKnown('group', 'postdrop') ? 'postdrop' : 'mail',
    myhostname: 'mx.example.test',
    mydestination: '',
    relay_domains: 'example.test',
    relay_transport: 'discard:',
    default_transport: 'discard:',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    alias_maps: '',
    alias_database: '',
    default_process_limit: 100,
    smtpd_peername_lookup: 'no',
    smtpd_client_connection_count_limit: 0,
    smtpd_client_event_limit_exceptions: 'static:all',
    in_flow_delay: '0s',
    message_size_limit: 41_943_040,
    ...(milter === undefined ? {} : { smtpd_milters: milter, milter_default_action: 'tempfail' }),
    ...(tls
      ? {
          smtpd_tls_security_level: 'may',
          smtpd_tls_cert_file: at('etc/cert.pem'),
          smtpd_tls_key_file: at('etc/key.pem'),
        }
      : {}),
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

/** Debian's, without chroot, and only the services that this has use for. */
function masterCf(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
`
}

function postconf(name: string): string {
  return execFileSync('/usr/sbin/postconf', ['-dh', name], { encoding: 'utf8' }).trim()
}

function isKnown(file: 'passwd' | 'group', name: string): boolean {
  return lineOf(file, name) !== undefined
}

function idOf(file: 'passwd' | 'group', name: string): number {
  return Number(lineOf(file, name)?.split(':')[2])
}

function lineOf(file: string, name: string): string | undefined {
  return readFileSync(`/etc/${file}`, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
}
