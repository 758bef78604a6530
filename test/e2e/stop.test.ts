/**
 * A stop in its time, whatever does not end by itself: a client that never finishes, a store that hangs, a
 * Redis that is gone (pitfalls P21, P67). What was not told 250 is not kept, and what was told is.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { replies } from '../../src/haraka/replies.ts'
import { expectKept, freePort, messageOf, reconfigure, sendAll } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const servers = new Set<{ server: Server; sockets: Set<Socket> }>()

afterEach(async () => {
  await stopAll()
  for (const { server, sockets } of servers) {
    for (const each of sockets) each.destroy()
    server.close()
  }
  servers.clear()
})

/** A store that takes the connection and all octets, and never answers. */
async function hangingStore(port: number): Promise<() => number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.resume().on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  servers.add({ server, sockets })
  return () => sockets.size
}

const stopSeconds = 5

async function halfWay(postern: RunningPostern): Promise<SmtpClient> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('', 'you@example.test')
  const before = incoming(postern)
  client.write(messageOf(512 * 1024, 9))
  await until(() => incoming(postern) > before)
  return client
}

function incoming({ dataDir }: RunningPostern): number {
  return readdirSync(join(dataDir, 'spool/incoming')).length
}

function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return true
  }
}

/** A process that does not know of the stop yet greets, and says 421 when it does. */
async function isRefused(postern: RunningPostern): Promise<boolean> {
  const client = await SmtpClient.connect(postern).catch(() => undefined)
  await client?.closed()
  return client === undefined
}

const seconds = (since: number): number => (performance.now() - since) / 1000

test('in stopSeconds it is over: a message that does not end is told 421, one on its way to a store that hangs is kept', async () => {
  const port = await freePort()
  const uploads = await hangingStore(port)
  const endpoint = `http://127.0.0.1:${port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const inbox = { type: 's3', bucket: 'inbox', endpoint, ...credentials }
  const postern = await startPostern({
    config: { stopSeconds, smtp: { processes: 2 }, resources: { buckets: { inbox } } },
  })
  const pids = Object.values(postern.pids()).flat()
  const sent = await sendAll(() => postern, [messageOf(2000, 1)])
  await until(() => uploads() > 0)
  const endless = await halfWay(postern)
  const idle = await SmtpClient.connect(postern)
  await idle.hello()

  const began = performance.now()
  process.kill(postern.pid, 'SIGTERM')
  expect(await idle.reply()).toMatchObject(replies.shuttingDown.reply)
  await until(() => isRefused(postern))
  const ready = await fetch(`${postern.http}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringMatching(/^smtp: .*stop/)])
  expect((await fetch(`${postern.http}/healthz`)).status).toBe(200)
  expect(await endless.reply()).toMatchObject(replies.shuttingDown.reply)
  await endless.closed()
  expect(seconds(began)).toBeGreaterThan(0.5 * stopSeconds)

  expect(await postern.exited()).toBe(0)
  expect(seconds(began)).toBeLessThan(stopSeconds + 2)
  await until(() => pids.every(isGone))
  expect(postern.spooled()).toEqual([...sent.kept.keys()])
  expect(incoming(postern)).toBe(0)

  reconfigure(postern, (config) => ({ ...config, resources: {} }))
  const again = await startPostern({ again: postern })
  await again.delivered()
  await expectKept(again, sent)
})

test('a second signal ends it at once, with 1, and nothing goes on', async () => {
  const postern = await startPostern()
  const pids = Object.values(postern.pids()).flat()
  await halfWay(postern)
  process.kill(postern.pid, 'SIGTERM')
  await postern.logged(({ msg }) => msg.startsWith('Stopping'))
  // One within a second counts as the same, sent twice.
  const exited = postern.exited()
  const began = performance.now()
  await until(() => isGone(postern.pid) || !process.kill(postern.pid, 'SIGTERM'))
  expect(await exited).toBe(1)
  expect(seconds(began)).toBeLessThan(5)
  await until(() => pids.every(isGone))
})

test('without a Redis, and with a process that stands still, it is over in its time as well', async () => {
  const port = await freePort()
  const postern = await startPostern({
    config: { stopSeconds, redis: `redis://127.0.0.1:${port}` },
  })
  const sent = await sendAll(() => postern, [messageOf(2000, 1)])
  const pids = Object.values(postern.pids()).flat()
  process.kill(postern.pids()['http']?.[0] ?? 0, 'SIGSTOP')
  const began = performance.now()
  expect(await postern.stop()).toBe(0)
  expect(seconds(began)).toBeLessThan(stopSeconds + 2)
  await until(() => pids.every(isGone))
  expect(postern.spooled()).toEqual([...sent.kept.keys()])
})

test('a signal while it starts is a stop, too: 0, no process, no lock', async () => {
  const postern = await startPostern()
  await postern.stop()
  const program = join(import.meta.dirname, '../../bin/postern')
  const child = spawn(program, ['--config', postern.configFile, 'serve'], { stdio: 'ignore' })
  const lock = join(postern.dataDir, 'serve.pid')
  await until(() => existsSync(lock) && readFileSync(lock, 'utf8') !== '')
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(existsSync(lock)).toBe(false)
  const mine = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || isGone(Number(pid))) return false
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(postern.directory)
  })
  await until(() => mine.every((pid) => isGone(Number(pid))))
})
