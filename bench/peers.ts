/** Postern beside its peers on the same work, in one run: `npm run bench`. */
import { parseArgs } from 'node:util'
import { startDns } from '../test/support/dns.ts'
import { stopAll } from '../test/support/postern.ts'
import { type Group, groups, type ServerName } from './cases.ts'
import { type Mail, newMail } from './load.ts'
import { type Certificate, newCertificate } from './peers/certificate.ts'
import { type Engines, startEngines } from './peers/engines.ts'
import { startHaraka } from './peers/haraka.ts'
import { startOwn } from './peers/postern.ts'
import { startPostfix } from './peers/postfix.ts'
import { type Server, stopPeers } from './peers/server.ts'
import { type Row, rowsOf, tableOf } from './report.ts'
import { type Contestant, inTurns, ratioOf } from './rounds.ts'

type Options = {
  readonly quick: boolean
  readonly only?: string
  readonly rounds?: string
  readonly seconds?: string
}

export async function benchPeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  })
  const mail = newMail()
  const dns = await startDns(mail.zones)
  const stop = async (): Promise<void> => {
    await Promise.all([stopAll(), stopPeers(), dns.stop()])
    mail.stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(1)))
  }
  const rows: Row[] = []
  const ratios: Record<string, number> = {}
  try {
    for (const group of groups) {
      if (values.only !== undefined && group.name !== values.only) continue
      await measureGroup(group, values, { mail, dns: dns.server, rows, ratios })
    }
  } finally {
    await stop()
  }
  process.stdout.write(tableOf(rows))
  const named = Object.entries(ratios).map(([key, ratio]) => `  ${key} ${ratio.toFixed(2)}\n`)
  process.stdout.write(`\nratios\n${named.join('')}`)
}

type Run = {
  readonly mail: Mail
  readonly dns: string
  readonly rows: Row[]
  readonly ratios: Record<string, number>
}

async function measureGroup(
  group: Group,
  { quick, rounds, seconds }: Options,
  { mail, dns, rows, ratios }: Run,
): Promise<void> {
  const loads = group.loads.filter(({ full }) => !(quick && full))
  if (loads.length === 0) return
  const engines = group.extra === 'engines' ? await startEngines(dns) : undefined
  const around: Around = {
    dns,
    ...(group.extra === 'tls' && { certificate: await newCertificate(mail.directory) }),
    ...(engines && { engines }),
  }
  const contestants = await Promise.all(
    group.servers.map(
      async (name): Promise<Contestant> => ({
        name,
        server: await start(name, group, around),
        ...(engines && { engines: engines.pids }),
      }),
    ),
  )
  for (const load of loads) {
    const found = await inTurns(contestants, load, await mail.file(load.octets), {
      seconds: Number(seconds ?? (quick ? 0.5 : 1.5)),
      rounds: Number(rounds ?? (quick ? Math.min(5, load.rounds) : load.rounds)),
      until: Number.POSITIVE_INFINITY,
    })
    const more = rowsOf(group, load, found)
    rows.push(...more)
    process.stderr.write(tableOf(more))
    for (const [key, other] of Object.entries(load.ratios ?? {})) {
      ratios[key] = ratioOf(found.get('postern'), found.get(other))
    }
  }
  for (const { server } of contestants) await server.stop()
  await engines?.stop()
}

type Around = {
  readonly dns: string
  readonly certificate?: Certificate
  readonly engines?: Engines
}

function start(
  name: ServerName,
  { processes }: Group,
  { dns, certificate, engines }: Around,
): Promise<Server> {
  const tls = certificate === undefined ? {} : { certificate }
  const workers = processes === 1 ? 0 : processes
  switch (name) {
    case 'haraka':
      return startHaraka({ workers, ...tls })
    case 'haraka tuned':
      return startHaraka({ workers, tuned: true, ...tls })
    case 'postern':
      return startOwn({ dns, processes, ...tls, ...(engines && { config: engines.config }) })
    case 'postfix':
      return startPostfix({ ...tls, ...(engines && { milter: engines.milter }) })
  }
}
