/**
 * What the verdicts cost a sender: the time from the final dot to 250 with every engine on, beside the same
 * with none. Real Posterns, clamd (with the signatures of the tests) and rspamd, and the tests' name server.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { printFigures, quantile } from './measure.ts'
import type { Messages } from './signed-mail.ts'

/** How many of each: so few that p99 is the slowest of them. */
const sizes = [
  { name: '4 KiB', octets: 4096, count: 50 },
  { name: '64 KiB', octets: 65_536, count: 50 },
  { name: '10 MB', octets: 10_000_000, count: 10 },
] as const

export async function benchVerdicts(): Promise<void> {
  const missing = Object.entries({
    clamd: 'clamav-daemon',
    rspamd: 'rspamd',
    'redis-server': 'redis-server',
  }).filter(([command]) => !isInstalled(command))
  if (missing.length > 0) {
    const packages = missing.map(([, name]) => name).join(' ')
    throw new Error(
      `left out, these Debian packages are missing; as root: apt-get install --no-install-recommends ${packages}`,
    )
  }
  // These ask the engines for their versions when they are loaded.
  const [{ startClamd }, { startRspamd }, { startDns }, { startPostern, stopAll }, mail] =
    await Promise.all([
      import('../test/support/clamd.ts'),
      import('../test/support/rspamd.ts'),
      import('../test/support/dns.ts'),
      import('../test/support/postern.ts'),
      import('./signed-mail.ts'),
    ])
  const messages = mail.newSigner()
  const [dns, clamd, rspamd] = await Promise.all([
    startDns(messages.zones),
    startClamd(),
    startRspamd(),
  ])
  const stop = async (): Promise<void> => {
    await stopAll()
    await Promise.all([dns.stop(), clamd.stop(), rspamd.stop()])
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stop().finally(() => process.exit(1)))
  }
  try {
    const servers = { dns: { servers: [dns.server], timeoutMs: 5000 } }
    const engines = { virus: { clamd: clamd.place }, spam: { rspamd: rspamd.url } }
    await measure(
      await startPostern({ config: { ...servers, ...engines } }),
      await startPostern({ config: servers }),
      messages,
    )
  } finally {
    await stop()
  }
}

type Server = {
  readonly host: string
  readonly port: number
  readonly delivered: () => Promise<void>
}

async function measure(on: Server, off: Server, messages: Messages): Promise<void> {
  const { SmtpClient } = await import('../test/support/smtp-client.ts')
  const connect = async (server: Server) => {
    const client = await SmtpClient.connect(server)
    await client.hello('client.good.test')
    return client
  }

  /** Milliseconds from the final dot to the reply. */
  async function send(client: Client, from: string, text: Buffer): Promise<number> {
    await client.envelope(from, 'you@example.test')
    await client.writeAll(text)
    const began = performance.now()
    const { code, text: words } = await client.command('.')
    const took = performance.now() - began
    if (code !== 250) throw new Error(`a message was answered ${code} ${words}`)
    return took
  }

  type Client = Awaited<ReturnType<typeof connect>>
  const clients = { on: await connect(on), off: await connect(off) }
  const rows: string[][] = []
  for (const { name, octets, count } of sizes) {
    const times: { readonly on: number[]; readonly off: number[] } = { on: [], off: [] }
    // In turns, so that whatever else the machine does meets both alike; the first ones are warming up.
    for (let number = -3; number < count; number += 1) {
      const text = await messages.make(octets)
      const took = {
        on: await send(clients.on, messages.from, text.signed),
        off: await send(clients.off, messages.unknown, text.plain),
      }
      if (number < 0) continue
      times.on.push(took.on)
      times.off.push(took.off)
    }
    // What is still to be delivered of these would be in the way of the next.
    await Promise.all([on.delivered(), off.delivered()])
    const figures = [0.5, 0.99].flatMap((share) => {
      const [with_, without] = [quantile(times.on, share), quantile(times.off, share)]
      return [without, with_, with_ - without].map((each) => each.toFixed(1))
    })
    process.stderr.write(`verdicts: ${name} done, added ${figures[2]} ms in the median\n`)
    rows.push([name, String(count), ...figures])
  }
  for (const each of Object.values(clients)) await each.quit()
  printFigures(
    'From the final dot to 250, in ms: every engine on (clamd, rspamd, SPF, DKIM, DMARC of signed mail with an\nattachment), beside none (clamd and rspamd off, unsigned mail of a domain that publishes nothing)',
    ['size', 'mails', 'off, median', 'on', 'added', 'off, p99', 'on', 'added'],
    rows,
  )
}

function isInstalled(command: string): boolean {
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`
  return path.split(':').some((folder) => existsSync(join(folder, command)))
}
