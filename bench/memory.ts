/**
 * What memory messages and connections cost: an idle connection; sixteen large messages at a time, in the
 * SMTP process and in the worker that seals and stores them; and whether a hundred thousand leave any behind.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { startDns } from '../test/support/dns.ts'
import { stopAll, until } from '../test/support/postern.ts'
import { SmtpClient } from '../test/support/smtp-client.ts'
import { newMail, recipient, send, sender } from './load.ts'
import { printFigures } from './measure.ts'
import { type OwnServer, startOwn } from './peers/postern.ts'
import { stopWhenKilled } from './peers/server.ts'

const MiB = 1024 * 1024
const atOnce = 16
/** The first also make V8 take its room for new objects, 65 MB as soon as it is touched; it is what more cost that grows. */
const connections = { first: 1000, more: 4000 } as const
const large = [20, 40] as const

export type MemoryFigures = {
  readonly idleMiB: { readonly smtp: number; readonly worker: number }
  readonly connectionKiB: Readonly<Record<keyof typeof connections, number>>
  /** Of sixteen at a time, each over idle, by their size in MB. */
  readonly messageMiB: Readonly<Record<string, { readonly smtp: number; readonly worker: number }>>
}

/** Takes some fifteen seconds. `dns`: as `startOwn` takes it. */
export async function memoryFigures(dns: string, file: string): Promise<MemoryFigures> {
  const connection = await connectionKiB(dns)
  const server = await startOwn({ dns, delivers: true })
  const { smtp, worker } = pidsOf(server)
  await send(server.port, file, { sessions: atOnce, kept: false, octets: 0 }, 200)
  await server.delivered()
  const idleMiB = { smtp: memory(smtp, 'VmRSS') / MiB, worker: memory(worker, 'VmRSS') / MiB }
  const messageMiB: Record<string, { smtp: number; worker: number }> = {}
  for (const size of large) {
    for (const pid of [smtp, worker]) forgetPeak(pid)
    await Promise.all(Array.from({ length: atOnce }, () => sendLarge(server, size * MiB - 100_000)))
    await server.delivered()
    const each = (pid: number, idle: number): number => (memory(pid, 'VmHWM') / MiB - idle) / atOnce
    messageMiB[size] = { smtp: each(smtp, idleMiB.smtp), worker: each(worker, idleMiB.worker) }
  }
  await server.stop()
  return { idleMiB, connectionKiB: connection, messageMiB }
}

export function rowsOf({ idleMiB, connectionKiB, messageMiB }: MemoryFigures): string[][] {
  const shown = (value: number): string => value.toFixed(1)
  return [
    ['idle, MiB', shown(idleMiB.smtp), shown(idleMiB.worker)],
    ...Object.entries(messageMiB).map(([size, { smtp, worker }]) => [
      `${atOnce} messages of ${size} MB at a time, MiB each over idle`,
      ...[shown(smtp), shown(worker)],
    ]),
    [`the first ${connections.first} idle connections, KiB each`, shown(connectionKiB.first), ''],
    [`${connections.more} more, KiB each`, shown(connectionKiB.more), ''],
  ]
}

export const memoryHead = ['memory of Postern', 'SMTP process', 'worker']

/** `npm run bench -- memory` */
export async function benchMemory(): Promise<void> {
  const mail = newMail()
  const dns = await startDns(mail.zones)
  const stop = async (): Promise<void> => {
    await Promise.all([stopAll(), dns.stop()])
    mail.stop()
  }
  stopWhenKilled(stop)
  try {
    const file = await mail.file(4096)
    const figures = await memoryFigures(dns.server, file)
    printFigures('What memory costs', memoryHead, rowsOf(figures))
    const rows = await flatness(await startOwn({ dns: dns.server, delivers: true }), file)
    printFigures('After so many messages of 4 KiB, MiB', ['messages', 'SMTP', 'worker'], rows)
  } finally {
    await stop()
  }
}

const [steps, step, batch] = [10, 10_000, 500]
/** It says how far it came where the machine is too slow for all. */
const flatnessMs = 8 * 60_000

async function flatness(server: OwnServer, file: string): Promise<string[][]> {
  const { smtp, worker } = pidsOf(server)
  const rows: string[][] = []
  const began = performance.now()
  for (let sent = 0; sent < steps * step && performance.now() - began < flatnessMs; ) {
    await send(server.port, file, { sessions: atOnce, kept: true, octets: 0 }, batch)
    sent += batch
    await until(() => server.spooled().length < batch)
    if (sent % step !== 0) continue
    const figures = [smtp, worker].map((pid) => (memory(pid, 'VmRSS') / MiB).toFixed(0))
    rows.push([String(sent), ...figures])
    process.stderr.write(`memory: ${rows.at(-1)?.join(' ')}\n`)
  }
  return rows
}

/** In a server of its own: what they leave behind would be room for messages. */
async function connectionKiB(dns: string): Promise<MemoryFigures['connectionKiB']> {
  const limits = { maxConnections: 2 * (connections.first + connections.more) }
  const server = await startOwn({ dns, config: { smtp: { limits } } })
  const { smtp } = pidsOf(server)
  const clients: SmtpClient[] = []
  const costOf = async (count: number): Promise<number> => {
    const before = memory(smtp, 'VmRSS')
    const come = await Promise.all(Array.from({ length: count }, () => SmtpClient.connect(server)))
    for (const each of come) await each.hello()
    clients.push(...come)
    return (memory(smtp, 'VmRSS') - before) / count / 1024
  }
  const first = await costOf(connections.first)
  const more = await costOf(connections.more)
  for (const each of clients) each.destroy()
  await server.stop()
  return { first, more }
}

const piece = Buffer.from(`${'m'.repeat(998)}\r\n`.repeat(64))

async function sendLarge(server: OwnServer, octets: number): Promise<void> {
  const client = await SmtpClient.connect(server)
  await client.hello()
  await client.envelope(sender, recipient)
  await client.writeAll(Buffer.from('Subject: large\r\n\r\n'))
  for (let sent = 0; sent < octets; sent += piece.length) await client.writeAll(piece)
  const { code, text } = await client.command('.')
  if (code !== 250) throw new Error(`a large message was answered ${code} ${text}`)
  await client.quit()
}

function pidsOf(server: OwnServer): { readonly smtp: number; readonly worker: number } {
  const { smtp = [], worker = [] } = server.pids()
  // The primary is the first; the one it made takes the mail.
  return { smtp: smtp[1] ?? 0, worker: worker[0] ?? 0 }
}

function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
}

/** From now on VmHWM is the highest since now (proc(5): clear_refs 5). */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}
