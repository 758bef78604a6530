/**
 * `virus.clamd: auto`: the clamd that runs on this machine, else one of our own where it is installed.
 * Ours is a child of `serve`, dies with it, listens on a unix socket nobody else can open, and when the
 * official signatures are not on this machine, knows two test signatures only: nothing it lets through
 * was really scanned, so that what it finds clean reads GRAY.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import { log } from '../log.ts'
import { clamdConf, confProblems, testSignatures } from '../verdicts/clamd-own.ts'
import { dyingWithParent, socketIn } from './child.ts'
import { places } from './prepare.ts'

/** Where Debian, Fedora, Arch and Alpine put the socket. */
const systemSockets = [
  '/run/clamav/clamd.ctl',
  '/run/clamd.scan/clamd.sock',
  '/run/clamav/clamd.sock',
]

const settings = ['/etc/clamav/clamd.conf', '/etc/clamd.d/scan.conf']

/** Where freshclam keeps the official signatures. */
const officialDatabase = '/var/lib/clamav'

export type ClamdPlace = {
  /** `unix:/path` or `host:port`. */
  readonly place: string
  readonly testSignaturesOnly: boolean
}

/** The scanner this node uses; `undefined` when it has none. To be asked once `serve` has begun. */
export function clamdPlace(config: Config): ClamdPlace | undefined {
  const { clamd } = config.virus
  if (clamd === 'off') return undefined
  if (clamd !== 'auto') return { place: clamd, testSignaturesOnly: false }
  const own = ownPlaces(config)
  if (existsSync(own.conf)) {
    return { place: `unix:${own.socket}`, testSignaturesOnly: existsSync(own.testDatabase) }
  }
  const socket = systemSockets.find((each) => existsSync(each))
  return socket === undefined ? undefined : { place: `unix:${socket}`, testSignaturesOnly: false }
}

/** Looks for a scanner and sets one of our own up when none answers. Whether that is to be run. */
export async function prepareClamd(config: Config): Promise<boolean> {
  const own = ownPlaces(config)
  forgetClamd(config)
  if (config.virus.clamd !== 'auto') return false
  for (const socket of systemSockets) {
    if (!(await answers(socket))) continue
    warnOfSettings(config)
    return false
  }
  if (!isInstalled()) return false
  for (const each of [own.directory, own.work, join(own.socket, '..')])
    mkdirSync(each, { recursive: true, mode: 0o700 })
  const official = hasOfficialSignatures()
  if (!official) {
    mkdirSync(own.testDatabase, { mode: 0o700 })
    for (const [name, text] of Object.entries(testSignatures)) {
      writeFileSync(join(own.testDatabase, name), text)
    }
    log.warn(
      { database: officialDatabase },
      'There are no virus signatures on this machine: clamd runs with two test signatures only, and what it finds clean reads GRAY. Install and run freshclam (apt-get install clamav-freshclam), then start again',
    )
  }
  const conf = clamdConf({
    socket: own.socket,
    database: official ? officialDatabase : own.testDatabase,
    work: own.work,
    maxMessageBytes: config.smtp.maxMessageBytes,
  })
  writeFileSync(own.conf, conf, { mode: 0o600 })
  const user = clamavUser()
  if (user !== undefined) giveTo(user, own)
  return true
}

/** What in its clamd.conf would make the clamd of this machine call mail clean that it did not look into. */
function warnOfSettings({ smtp }: Config): void {
  const file = settings.find((each) => existsSync(each))
  if (file === undefined) return
  for (const problem of confProblems(readFileSync(file, 'utf8'), smtp.maxMessageBytes)) {
    log.warn({ file }, `clamd: ${problem}`)
  }
}

/** Starts the one that `prepareClamd` has set up. */
export async function spawnClamd(config: Config): Promise<ChildProcess> {
  const { conf } = ownPlaces(config)
  const prefix = dyingWithParent()
  // What parses hostile files is not to run as root.
  const user = clamavUser()
  const drop =
    user === undefined || prefix.length === 0
      ? []
      : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
  const [command = '', ...rest] = [...prefix, ...drop, 'clamd', '--foreground', '-c', conf]
  const child = spawn(command, rest, {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
    env: { ...process.env, PATH: systemPath },
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  return child
}

/** Whether our own answers within `deadlineMs`; the official signatures take half a minute to load. */
export async function clamdReady(config: Config, deadlineMs: number): Promise<boolean> {
  const { socket } = ownPlaces(config)
  const deadline = performance.now() + deadlineMs
  while (performance.now() < deadline) {
    if (await answers(socket)) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

/** Nobody is to look for ours once `serve` has ended. */
export function forgetClamd(config: Config): void {
  rmSync(ownPlaces(config).directory, { recursive: true, force: true })
}

/** Root's is in /run: dataDir is closed to the user that clamd runs as. */
function ownPlaces({ dataDir, user }: Config) {
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  // With `user` the server is not root, even where the command that asks is.
  const asRoot = user === undefined && process.getuid?.() === 0
  const directory = asRoot ? `/run/postern-clamd-${name}` : places(dataDir).clamd
  return {
    directory,
    conf: join(directory, 'clamd.conf'),
    socket: socketIn(directory, 'clamd.sock'),
    testDatabase: join(directory, 'test-signatures'),
    work: join(directory, 'work'),
  } as const
}

/** Debian keeps clamd where only root looks for programs. */
const systemPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`

function isInstalled(): boolean {
  const found = spawnSync('clamd', ['--version'], {
    stdio: 'ignore',
    env: { ...process.env, PATH: systemPath },
  })
  return found.status === 0
}

function hasOfficialSignatures(): boolean {
  const names = existsSync(officialDatabase) ? readdirSync(officialDatabase) : []
  return ['main', 'daily'].every((part) =>
    names.some((name) => /^\w+\.c[vl]d$/.test(name) && name.startsWith(part)),
  )
}

type User = { readonly uid: number; readonly gid: number }

/** The user that Debian's package makes, when we are root and can become it. */
function clamavUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8').match(/^clamav:[^:]*:(\d+):(\d+):/m)
  return line === null ? undefined : { uid: Number(line[1]), gid: Number(line[2]) }
}

function giveTo({ uid, gid }: User, own: ReturnType<typeof ownPlaces>): void {
  const database = existsSync(own.testDatabase)
    ? readdirSync(own.testDatabase).map((name) => join(own.testDatabase, name))
    : []
  const all = [own.directory, own.work, own.conf, ...database]
  if (database.length > 0) all.push(own.testDatabase)
  for (const each of all) chownSync(each, uid, gid)
}

/** Whether a clamd listens there and works: PING is answered PONG. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = createConnection(socket)
    let heard = ''
    const done = (): void => {
      client.destroy()
      resolve(heard === 'PONG')
    }
    client.setTimeout(2000, done)
    client.once('connect', () => client.write('nPING\n'))
    client.on('data', (octets) => {
      heard = (heard + octets.toString('latin1')).slice(0, 16).trimEnd()
    })
    client.once('end', done)
    client.once('error', done)
  })
}
