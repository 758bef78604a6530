/**
 * Least privilege. Started as root with `user` in the configuration, `serve` becomes that user before it
 * opens anything, and keeps one right of root, ports below 1024: an SMTP process that died can bind port
 * 25 again, which nothing could had the right been given away after the first bind. Linux, setpriv(1).
 */
import { spawnSync } from 'node:child_process'
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import { parseListen } from '../config/texts.ts'
import { errorCode, UserError } from '../errors.ts'
import { places } from './prepare.ts'

export type Account = {
  readonly user: string
  readonly group: string
  readonly uid: number
  readonly gid: number
}

/** CAP_NET_BIND_SERVICE, capabilities(7). */
const bindBit = 1n << 10n

/** The user of the configuration; `undefined` when none is written. Throws `UserError` when there is no such. */
export function accountOf({ user, group }: Config): Account | undefined {
  if (user === undefined) return undefined
  const uid = numberOf('id', ['-u', user])
  if (uid === undefined) {
    throw new UserError(
      `user: there is no user ${user} on this machine: useradd --system --user-group ${user}, or name another.`,
    )
  }
  if (uid === 0) throw new UserError(`user: ${user} is root by another name: name another.`)
  const own = spawnSync('id', ['-gn', user], { encoding: 'utf8' }).stdout.trim()
  const gid = numberOf('getent', ['group', group ?? own])
  if (gid === undefined) {
    throw new UserError(
      `group: there is no group ${group ?? own} on this machine: groupadd --system ${group ?? own}, or name another.`,
    )
  }
  return { user, group: group ?? own, uid, gid }
}

/** id(1) and getent(1) ask what the machine asks: passwd(5), LDAP, systemd. */
function numberOf(command: string, args: readonly string[]): number | undefined {
  const found = spawnSync(command, args, { encoding: 'utf8' })
  const number = /(?:^|:)(\d+)(?::|$)/m.exec(found.status === 0 ? found.stdout : '')?.[1]
  return number === undefined ? undefined : Number(number)
}

/**
 * Goes on as the user of the configuration, in the same process: starts this program again from its
 * beginning. Returns when there is nothing to become. Throws `UserError`.
 */
export function dropPrivileges(config: Config): void {
  const account = accountOf(config)
  if (account === undefined || isAlready(account)) return
  const { user, group } = account
  const setpriv = spawnSync('sh', ['-c', 'command -v setpriv'], { encoding: 'utf8' }).stdout.trim()
  if (setpriv === '') {
    throw new UserError(
      `user: needs setpriv of util-linux, which is not here: apt-get install util-linux, or start Postern as ${user}.`,
    )
  }
  giveDataDir(config.dataDir, account)
  // A container may have taken the right from root already; it then says itself who may bind what.
  const rights = (capabilities('CapBnd') & bindBit) === 0n ? '-all' : '-all,+net_bind_service'
  const args = [
    ...[`--reuid=${user}`, `--regid=${group}`, '--init-groups', '--no-new-privs'],
    ...[`--inh-caps=${rights}`, `--ambient-caps=${rights}`, `--bounding-set=${rights}`],
    ...[process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  ]
  // Root's; without them a library asks passwd(5) where this user's home is.
  const { HOME: _home, USER: _user, LOGNAME: _name, ...env } = process.env
  process.execve?.(setpriv, ['setpriv', ...args], env)
}

/**
 * For a command that changes dataDir: what root would write, the server could not read. Whatever only root
 * can read has to be read before. Throws `UserError`.
 */
export function becomeUser(config: Config): void {
  const account = accountOf(config)
  if (account === undefined || isAlready(account)) return
  giveDataDir(config.dataDir, account)
  const groups = spawnSync('id', ['-G', account.user], { encoding: 'utf8' }).stdout.trim()
  process.setgroups?.(groups.split(' ').map(Number))
  process.setgid?.(account.gid)
  process.setuid?.(account.uid)
}

/** Whether this process has rights to give away, and does not have to: it serves others than this machine. */
export function isNeedlesslyRoot({ smtp }: Config): boolean {
  if (process.getuid?.() !== 0) return false
  return smtp.listen.some((each) => !/^(127\.|::1$|localhost$)/.test(parseListen(each)?.host ?? ''))
}

/** The line for whoever runs it as root. */
export const rootRemedy =
  'user: postern   (useradd --system --user-group postern, and chown -R postern: dataDir)'

/** Whether a child would inherit a right: systemd's AmbientCapabilities, or ours. */
export function hasRights(): boolean {
  return capabilities('CapAmb') !== 0n
}

function isAlready({ user, uid }: Account): boolean {
  const now = process.getuid?.()
  if (now === 0) return false
  if (now === uid) return true
  throw new UserError(
    `user: Postern is to run as ${user} and was started as user ${now}: start it as root or as ${user}.`,
  )
}

/** A dataDir that is not there yet is made as its user would, where only root can make it. */
function giveDataDir(dataDir: string, { uid, gid }: Account): void {
  const first = mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (first !== undefined) chownSync(dataDir, uid, gid)
}

/**
 * Throws `UserError` for the first thing in dataDir that another user owns: it would fail in the middle of
 * the night. Looks at the places that a server as root leaves behind, not at every message.
 */
export function requireOwnFiles({ dataDir, user }: Config): void {
  const uid = process.getuid?.() ?? 0
  if (uid === 0) return
  // The secret key may be anybody's: the server never reads it.
  const { secretKey } = places(dataDir)
  const top = entriesOf(dataDir)
  const below = top.flatMap((each) => entriesOf(each))
  const foreign = [dataDir, ...top, ...below].find(
    (each) => each !== secretKey && (ownerOf(each) ?? uid) !== uid,
  )
  if (foreign === undefined) return
  const self = user ?? uid
  throw new UserError(
    `${foreign} belongs to user ${ownerOf(foreign)}, not to ${self}: chown -R ${self}: ${dataDir}`,
  )
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name))
  } catch {
    // No directory, or gone meanwhile.
    return []
  }
}

function ownerOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.uid
}

function capabilities(set: string): bigint {
  try {
    const hex = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(
      readFileSync('/proc/self/status', 'utf8'),
    )?.[1]
    return BigInt(`0x${hex ?? '0'}`)
  } catch (error) {
    // No /proc, no Linux: there is no such right.
    if (errorCode(error) === 'ENOENT') return 0n
    throw error
  }
}
