/**
 * What one message costs a node, its Redis and its store: the figures that docs/scale.md plans with. A
 * real Postern, Redis and Ceph; requests to the store are counted by a proxy before it.
 */
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo, createServer as tcpServer } from 'node:net'
import { join } from 'node:path'
import { cephClient, newBucket, startCeph } from '../test/support/ceph.ts'
import { freePort } from '../test/support/port.ts'
import { type RunningPostern, startPostern, stopAll } from '../test/support/postern.ts'
import { type RunningRedis, startRedis, stopRedis } from '../test/support/redis.ts'
import { SmtpClient } from '../test/support/smtp-client.ts'
import { printFigures } from './measure.ts'

const sessions = 16
const runs = [
  { name: '4 KiB', octets: 4096, count: 2000 },
  { name: '64 KiB', octets: 65_536, count: 1000 },
] as const
/** Before them: what is not compiled yet costs several times as much. */
const warmUp = 500
const waiting = 500

export async function benchNode(): Promise<void> {
  const ceph = await startCeph()
  const client = cephClient(ceph)
  const store = countingProxy(new URL(ceph.endpoint))
  try {
    const bucket = await newBucket(client)
    const redis = await startRedis({ port: await freePort() })
    await redis.start()
    const { accessKeyId, secretAccessKey } = ceph
    const endpoint = `http://127.0.0.1:${await store.open()}`
    const action = { S3Action: { BucketName: bucket } }
    const postern = await startPostern({
      config: {
        redis: redis.place,
        store: { type: 's3', endpoint, forcePathStyle: true, accessKeyId, secretAccessKey },
        delivery: { sweepSeconds: 30 },
      },
      rules: {
        Metadata: { Name: 'default' },
        Rules: [{ Name: 'all', Enabled: true, ScanEnabled: true, Actions: [action] }],
      },
    })
    await send(postern, 4096, warmUp)
    await postern.delivered()
    const rows: string[][] = []
    for (const { name, octets, count } of runs) {
      rows.push([name, ...(await costs(postern, redis, store, octets, count))])
    }
    printFigures(
      `One node, ${sessions} kept sessions, no scanner; a message costs (load ${load()})`,
      [
        ...['size', 'taken/s', 'stored/s', 'smtp ms', 'worker ms', 'redis ms', 'redis commands'],
        ...['redis in', 'redis out', 'S3 requests', 'S3 octets', 'spool octets'],
      ],
      rows,
    )
    await store.close()
    const before = await figure(redis, 'memory', 'used_memory')
    await send(postern, 4096, waiting)
    const kept = postern.spooled().length
    const each = ((await figure(redis, 'memory', 'used_memory')) - before) / kept
    process.stdout.write(`\n${kept} waiting, ${each.toFixed(0)} octets of Redis each\n`)
  } finally {
    await stopAll()
    await store.close()
    stopRedis()
    client.destroy()
    await ceph.stop()
  }
}

async function costs(
  postern: RunningPostern,
  redis: RunningRedis,
  store: Counting,
  octets: number,
  count: number,
): Promise<string[]> {
  const look = async () => ({
    smtp: processor(postern.pids()['smtp']),
    worker: processor(postern.pids()['worker']),
    redis:
      ((await figure(redis, 'cpu', 'used_cpu_user')) +
        (await figure(redis, 'cpu', 'used_cpu_sys'))) *
      1000,
    commands: await figure(redis, 'stats', 'total_commands_processed'),
    into: await figure(redis, 'stats', 'total_net_input_bytes'),
    out: await figure(redis, 'stats', 'total_net_output_bytes'),
    ...store.counted(),
  })
  const before = await look()
  const began = performance.now()
  const spoolFile = await send(postern, octets, count)
  const taken = performance.now() - began
  await postern.delivered()
  const stored = performance.now() - began
  const after = await look()
  const per = (name: keyof typeof after, digits = 1): string =>
    ((after[name] - before[name]) / count).toFixed(digits)
  return [
    ((count * 1000) / taken).toFixed(0),
    ((count * 1000) / stored).toFixed(0),
    ...[per('smtp', 2), per('worker', 2), per('redis', 2), per('commands'), per('into', 0)],
    ...[per('out', 0), per('requests', 2), per('octets', 0), String(spoolFile)],
  ]
}

/** Sends `count` messages; the size of the spool's file of one of them. */
async function send(postern: RunningPostern, octets: number, count: number): Promise<number> {
  let left = count
  let file = 0
  await Promise.all(
    Array.from({ length: sessions }, async () => {
      const smtp = await SmtpClient.connect(postern)
      await smtp.hello()
      while (left > 0) {
        left -= 1
        await smtp.envelope('sender@example.test', 'you@example.test')
        const { code, text } = await smtp.message(messageOf(octets, left))
        if (code !== 250) throw new Error(`${code} ${text}`)
        const entry = join(postern.dataDir, 'spool/queue', text.slice('OK '.length))
        // Most have been delivered by now.
        if (file === 0)
          file = await stat(entry).then(
            ({ size }) => size,
            () => 0,
          )
      }
      await smtp.quit()
    }),
  )
  return file
}

function messageOf(octets: number, number: number): Buffer {
  const head = `From: sender@example.test\r\nSubject: ${number}\r\n\r\n`
  const text = `${head}${`${'x'.repeat(70)}\r\n`.repeat(octets / 72)}`.slice(0, octets - 2)
  // What was cut may end in a CR.
  return Buffer.from(`${text.replace(/\r$/, 'x')}\r\n`)
}

/** Milliseconds that the processes have computed so far: Linux counts in hundredths of a second. */
function processor(pids: readonly number[] = []): number {
  const ticks = pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, each) => sum + each, 0) * 10
}

async function figure(redis: RunningRedis, section: string, name: string): Promise<number> {
  const text = await redis.cli('INFO', section)
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1])
}

const load = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 1).join()

type Counting = {
  readonly open: () => Promise<number>
  readonly counted: () => { readonly requests: number; readonly octets: number }
  /** From now on the store is away. */
  readonly close: () => Promise<void>
}

function countingProxy(to: URL): Counting {
  let requests = 0
  let octets = 0
  const server = createServer((asked, answer) => {
    requests += 1
    asked.on('data', (chunk: Buffer) => {
      octets += chunk.length
    })
    const { method, url: path, headers } = asked
    const passed = request({ host: to.hostname, port: to.port, method, path, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers)
      reply.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  })
  return {
    open: () => listening(server),
    counted: () => ({ requests, octets }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listening(server: Server | ReturnType<typeof tcpServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
