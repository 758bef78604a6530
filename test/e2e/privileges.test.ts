/**
 * Least privilege: started as root with `user`, no process of it is root, and a port below 1024 is the one
 * right that is left. Needs root, as `npm test` does where it installs what is missing.
 */
import { execFileSync } from 'node:child_process'
import { chownSync, globSync, lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const isRoot = process.getuid?.() === 0
/** A user that every Debian has and that owns nothing. */
const [uid, gid] = [numberOf('-u'), numberOf('-g')]
const account = { user: 'nobody', group: 'nogroup' }
const portRight = '0000000000000400'
const noRight = '0000000000000000'

function numberOf(option: string): number {
  return Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
}

function giveTo(owner: number) {
  return (directory: string): void => {
    for (const each of ['.', 'postern.yaml', 'rules', 'rules/default.yaml'])
      chownSync(join(directory, each), owner, gid)
  }
}

/** A port below 1024 that nobody has. */
async function freeLowPort(): Promise<number> {
  for (let port = 1023; port > 500; port -= 1) {
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise((resolve) => probe.close(resolve))
    if (free) return port
  }
  throw new Error('no port below 1024 is free')
}

/** The fields of /proc/PID/status, white space made one blank. */
function statusOf(pid: number): Readonly<Record<string, string>> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', value = ''] = line.split(':')
      return [name, value.trim().replace(/\s+/g, ' ')]
    }),
  )
}

async function deliver(postern: RunningPostern): Promise<string> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('sender@example.test', 'you@example.test')
  const { text } = await client.message(Buffer.from('Subject: s\r\n\r\nb\r\n'))
  client.destroy()
  await postern.delivered()
  return text.slice('OK '.length)
}

describe.runIf(isRoot)('started as root with a user', () => {
  let postern: RunningPostern
  let port = 0

  beforeAll(async () => {
    port = await freeLowPort()
    postern = await startPostern({
      config: { ...account, smtp: { listen: [`127.0.0.1:${port}`], processes: 2 } },
      prepare: giveTo(uid),
    })
  })
  afterAll(stopAll)

  test('no process is root, none can become it, and only those that listen may bind port 25', () => {
    const roles = postern.pids()
    expect(Object.keys(roles).sort()).toEqual(['http', 'redis', 'serve', 'smtp', 'worker'])
    for (const [role, pids] of Object.entries(roles)) {
      const rights = ['serve', 'smtp', 'http'].includes(role) ? portRight : noRight
      for (const pid of pids) {
        const status = statusOf(pid)
        const ids = [status['Uid'], status['Gid'], status['Groups'], status['NoNewPrivs']]
        expect([role, ...ids]).toEqual([
          role,
          `${uid} ${uid} ${uid} ${uid}`,
          `${gid} ${gid} ${gid} ${gid}`,
          `${gid}`,
          '1',
        ])
        const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((set) => status[set])
        expect([role, ...sets]).toEqual([role, rights, rights, rights, rights])
        expect(status['CapBnd']).toBe(portRight)
      }
    }
  })

  test('mail is taken on the port below 1024, and everything written belongs to the user', async () => {
    await deliver(postern)
    const files = globSync('**', { cwd: postern.dataDir }).map((name) => ({
      name,
      owner: lstatSync(join(postern.dataDir, name)).uid,
    }))
    expect(files.length).toBeGreaterThan(20)
    expect(files.filter(({ owner }) => owner !== uid)).toEqual([])
  })

  test('an SMTP role that died has the port again', async () => {
    const [primary = 0] = postern.pids()['smtp'] ?? []
    process.kill(primary, 'SIGKILL')
    await until(() => {
      const now = postern.pids()['smtp'] ?? []
      return now.length === 3 && !now.includes(primary)
    })
    await until(async () => {
      try {
        const client = await SmtpClient.connect(postern)
        client.destroy()
        return true
      } catch {
        // It does not listen yet.
        return false
      }
    })
    await deliver(postern)
  })

  test('what root does by a command belongs to the user, too', async () => {
    const id = await deliver(postern)
    const { code, stderr } = await postern.cli('replay', id)
    expect([code, stderr]).toEqual([0, ''])
    await postern.delivered()
    const objects = globSync('store/inbox/*', { cwd: postern.dataDir })
    expect(objects.map((name) => lstatSync(join(postern.dataDir, name)).uid)).toEqual(
      objects.map(() => uid),
    )
  })
})

describe.runIf(isRoot)('what is wrong with the user is told at start', () => {
  afterAll(stopAll)
  const mistakes = [
    {
      why: 'a dataDir of the time when it ran as root',
      config: account,
      prepare: (directory: string): void => {
        giveTo(uid)(directory)
        mkdirSync(join(directory, 'data'), { mode: 0o700 })
      },
      says: /data belongs to user 0, not to nobody: chown -R nobody: \S+data/,
    },
    {
      why: 'a chown without -R',
      config: account,
      prepare: (directory: string): void => {
        giveTo(uid)(directory)
        mkdirSync(join(directory, 'data/spool/queue'), { recursive: true, mode: 0o700 })
        chownSync(join(directory, 'data'), uid, gid)
      },
      says: /data\/spool belongs to user 0, not to nobody: chown -R/,
    },
    {
      why: 'a configuration that only root can read',
      config: account,
      prepare: (directory: string): void => chownSync(directory, uid, gid),
      says: new RegExp(`configuration file cannot be read \\(EACCES\\): let user ${uid} read it`),
    },
    {
      why: 'a user that is not there',
      config: { user: 'nosuchuser' },
      prepare: giveTo(0),
      says: /there is no user nosuchuser/,
    },
    {
      why: 'a group that is not there',
      config: { user: 'nobody', group: 'nosuchgroup' },
      prepare: giveTo(0),
      says: /there is no group nosuchgroup/,
    },
  ] as const
  test.for(mistakes)('$why', async ({ config, prepare, says }) => {
    await expect(startPostern({ config, prepare })).rejects.toThrow(says)
  })
})
