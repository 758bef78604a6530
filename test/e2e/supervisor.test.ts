/**
 * The processes of one Postern: each that dies is started again, all of them end with the one that
 * supervises them however it ends, and a stop ends sessions in order.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { freePort, reconfigure } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { startRedis, stopRedis } from '../support/redis.ts'
import { SmtpClient } from '../support/smtp-client.ts'

afterAll(async () => {
  await stopAll()
  stopRedis()
})

/** Without a dot that begins a line: it is sent in pieces, too. */
const message = Buffer.from(`Subject: 1\r\n\r\n${'caf\xe9\r\n'.repeat(300)}`, 'latin1')

/** A message through all of it: taken, stored, read back. */
async function expectService(postern: RunningPostern): Promise<void> {
  const id = await sendOnce(postern)
  await postern.delivered()
  const { original } = await (await postern.mailbox()).get(id)
  expect(Buffer.compare(message, original)).toBe(0)
}

async function sendOnce(to: RunningPostern): Promise<string> {
  const client = await SmtpClient.connect(to)
  await client.hello()
  await client.envelope('', 'you@example.test')
  const { code, text } = await client.message(message)
  expect(code).toBe(250)
  await client.quit()
  return text.slice('OK '.length)
}

const allPids = (postern: RunningPostern): number[] => Object.values(postern.pids()).flat()

/** Gone, or a zombie that waits for its parent to look. */
function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return true
  }
}

const allGone = (pids: readonly number[]): Promise<void> => until(() => pids.every(isGone))

describe('a role that is killed', () => {
  let postern: RunningPostern | undefined
  const roles = [
    // role, number of processes, why
    ['http', 1, 'an operator must not lose sight of it'],
    ['worker', 1, 'mail would wait for ever'],
    ['smtp', 2, 'the port would be closed'],
    ['redis', 1, 'the queue would be gone'],
  ] as const

  test.for(roles)('%s is started again, and the service goes on: %s', async ([role, count]) => {
    // Port 0 is another port after a restart of the role, which nobody could find.
    postern ??= await startPostern({
      config: {
        smtp: { listen: [`127.0.0.1:${await freePort()}`] },
        http: { listen: `127.0.0.1:${await freePort()}` },
      },
    })
    const running = postern
    const before = running.pids()[role] ?? []
    expect(before).toHaveLength(count)
    process.kill(before[0] ?? 0, 'SIGKILL')
    if (role === 'smtp') await until(async () => (await readiness(running)) === 503)
    await running.logged((record) => record['role'] === role && record.msg.includes('died'))
    await until(() => {
      const now = running.pids()[role] ?? []
      return now.length === count && now.every((pid) => !before.includes(pid))
    })
    await until(() => accepts(running))
    await until(async () => (await readiness(running)) === 200)
    await expectService(running)
  })
})

async function accepts({ host, port }: RunningPostern): Promise<boolean> {
  const client = await SmtpClient.connect({ host, port }).catch(() => undefined)
  client?.destroy()
  return client !== undefined
}

async function readiness({ http }: RunningPostern): Promise<number> {
  return fetch(`${http}/readyz`).then(
    ({ status }) => status,
    () => 0,
  )
}

describe('what is gone for a while', () => {
  test('redis-server, as during an upgrade of it, is tried again until it is there', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'postern-bin-'))
    // What bin/postern needs; without setpriv it is redis-server itself that can't be spawned.
    const programs = ['dirname', 'readlink', 'sh', 'env', 'redis-server']
    for (const each of programs) symlinkSync(`/usr/bin/${each}`, join(bin, each))
    const path = process.env['PATH']
    process.env['PATH'] = bin
    onTestFinished(() => {
      process.env['PATH'] = path
      rmSync(bin, { recursive: true })
    })
    const postern = await startPostern()
    rmSync(join(bin, 'redis-server'))
    process.kill(postern.pids()['redis']?.[0] ?? 0, 'SIGKILL')
    await postern.logged(({ msg }) => msg.includes('redis process could not be started'))
    const id = await sendOnce(postern)
    expect(postern.spooled()).toEqual([id])
    symlinkSync('/usr/bin/redis-server', join(bin, 'redis-server'))
    await postern.delivered()
    await expectService(postern)
    await postern.killAll()
  })

  const victims = [
    // which SMTP process, why
    [0, 'the one that supervises the sessions, which is started again by serve'],
    [1, 'the one that has the sessions, which is started again by the other'],
  ] as const

  test.for(victims)(
    'a rule file: SMTP process %d that dies takes the rules that were in force: %s',
    async ([victim]) => {
      const port = await freePort()
      const postern = await startPostern({
        config: { smtp: { listen: [`127.0.0.1:${port}`], processes: 1 } },
      })
      const kept = join(postern.dataDir, 'rules-in-force.json')
      expect(statSync(kept).mode & 0o777).toBe(0o600)
      const rules = join(postern.directory, 'rules/default.yaml')
      const good = readFileSync(rules)
      writeFileSync(rules, 'Rules: [')
      const before = postern.pids()['smtp'] ?? []
      process.kill(before[victim] ?? 0, 'SIGKILL')
      const { level, problems } = await postern.logged(({ msg }) =>
        msg.startsWith('The rules can not be used; this process was started again with those'),
      )
      expect([level, String(problems)]).toEqual(['error', expect.stringContaining(`${rules}:1:`)])
      await until(() => accepts(postern))
      expect(postern.pids()['smtp']).not.toContain(before[victim])
      await expectService(postern)
      const ready = await fetch(`${postern.http}/readyz`)
      expect([ready.status, await ready.text()]).toEqual([
        503,
        expect.stringMatching(/^rules: .*; the rules before stay in force$/m),
      ])
      expect(await (await fetch(`${postern.http}/metrics`)).text()).toMatch(/^postern_rules_ok 0$/m)

      // Mended, it is in force again without another start.
      writeFileSync(rules, good)
      await postern.logged(({ msg }) => msg === 'The rules changed and are in force')
      await until(async () => (await readiness(postern)) === 200)
      await postern.stop()

      // A start of all of it still refuses a broken file, whatever was in force before.
      writeFileSync(rules, 'Rules: [')
      await expect(startPostern({ again: postern })).rejects.toThrow('postern exited with 78')
    },
  )

  test('a process that is killed at once again and again is waited for longer each time, from 0.1 s on', async () => {
    const postern = await startPostern()
    const told = (): (readonly [unknown, string])[] =>
      postern
        .logs()
        .filter(({ role, msg }) => role === 'http' && msg.includes('died'))
        .map(({ againInMs, msg }) => [againInMs, msg] as const)
    for (const count of [1, 2, 3]) {
      let pid: number | undefined
      await until(() => {
        pid = postern.pids()['http']?.[0]
        return pid !== undefined
      })
      process.kill(pid ?? 0, 'SIGKILL')
      await until(() => told().length === count)
    }
    expect(told()).toEqual(
      [100, 200, 400].map((ms) => [
        ms,
        `The http process died; it is started again in ${ms / 1000} s`,
      ]),
    )
    await postern.killAll()
  })
})

test('a lock that names another program by now, redis-server say, stops no start', async () => {
  const other = spawn('sleep', ['300'], { argv0: 'redis-server', stdio: 'ignore' })
  onTestFinished(() => void other.kill())
  const postern = await startPostern()
  await postern.killAll()
  // As after a reboot: the pid of a process that lives and is no Postern.
  const lock = join(postern.dataDir, 'serve.pid')
  writeFileSync(lock, `${other.pid}\n`)
  const again = await startPostern({ again: postern })
  expect(Number(readFileSync(lock, 'utf8'))).toBe(again.pid)
  await again.killAll()
})

describe('a stop', () => {
  const signals = [
    ['SIGINT', 1, 'Ctrl-C'],
    ['SIGTERM', 2, 'systemd'],
    ['SIGHUP', 0, 'a terminal that is closed'],
  ] as const

  test.for(signals)(
    'by %s (with %i processes for sessions: %s) ends idle sessions with 421, lets a message under way finish, and leaves no process',
    async ([signal, processes]) => {
      const postern = await startPostern({ config: { smtp: { processes } } })
      const pids = allPids(postern)
      expect(pids.length).toBeGreaterThanOrEqual(5 + processes)

      const idle = await SmtpClient.connect(postern)
      await idle.hello()
      const busy = await SmtpClient.connect(postern)
      await busy.hello()
      await busy.envelope('', 'you@example.test')
      busy.write(message.subarray(0, 1000))

      const exited = exitOf(postern)
      process.kill(postern.pid, signal)
      const { code, text } = await idle.reply()
      expect([code, text]).toEqual([421, expect.stringMatching(/^4\.3\.2 /)])
      await idle.closed()

      expect(isGone(postern.pid)).toBe(false)
      busy.write(message.subarray(1000))
      busy.write('.\r\n')
      const answer = await busy.reply()
      expect(answer.code).toBe(250)
      expect((await busy.reply()).code).toBe(421)
      await busy.closed()

      await exited
      await allGone(pids)
      expect(await postern.stop()).toBe(0)

      const again = await startPostern({ again: postern })
      await again.delivered()
      const { original } = await (await again.mailbox()).get(answer.text.slice('OK '.length))
      expect(Buffer.compare(message, original)).toBe(0)
      await again.killAll()
    },
  )
})

function exitOf({ pid }: RunningPostern): Promise<void> {
  return until(() => isGone(pid))
}

describe('a kill -9 of the supervisor alone', () => {
  test('ends all its children, Redis too, and a new start on the same dataDir delivers', async () => {
    const postern = await startPostern()
    const pids = allPids(postern)
    process.kill(postern.pid, 'SIGKILL')
    await allGone(pids)
    const again = await startPostern({ again: postern })
    await expectService(again)
    expect(await again.stop()).toBe(0)
    await allGone(allPids(again))
  })
})

describe('roles that are started one by one', () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL')
  })

  test('work together through a Redis that is not theirs', async () => {
    // Only its directory and its settings are used.
    const settings = await startPostern()
    await settings.stop()
    const redis = await startRedis()
    const [smtp, http] = [await freePort(), await freePort()]
    reconfigure(settings, (config) => ({
      ...config,
      redis: redis.place,
      smtp: { listen: [`127.0.0.1:${smtp}`] },
      http: { listen: `127.0.0.1:${http}` },
    }))
    for (const role of ['smtp', 'worker', 'http']) children.push(startRole(settings, role))
    const roles = { ...settings, port: smtp, http: `http://127.0.0.1:${http}` }
    await until(() => accepts(roles))
    await until(async () => (await readiness(roles)) === 200)
    await expectService(roles)

    const busy = await SmtpClient.connect(roles)
    await busy.hello()
    await busy.envelope('', 'you@example.test')
    busy.write(message.subarray(0, 1000))
    const exits = children.map(async (child) => (await once(child, 'exit'))[0] as number | null)
    for (const child of children) child.kill('SIGTERM')
    await until(async () => !(await accepts(roles)))
    busy.write(message.subarray(1000))
    busy.write('.\r\n')
    expect((await busy.reply()).code).toBe(250)
    expect(await Promise.all(exits)).toEqual([0, 0, 0])
  })
})

function startRole({ configFile }: RunningPostern, role: string): ChildProcess {
  const program = join(import.meta.dirname, '../../bin/postern')
  return spawn(program, ['--config', configFile, 'serve', '--role', role], { stdio: 'ignore' })
}
