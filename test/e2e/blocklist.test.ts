/** Who may not send: a real Postern, its IP filters, and lists of a real rbldnsd. D§8 "SMTP replies" */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { type RunningRbldnsd, startRbldnsd, stopRbldnsd } from '../support/rbldnsd.ts'
import { type Reply, SmtpClient } from '../support/smtp-client.ts'

/** Lists what a list must list (RFC 5782 §5), and these. */
const listing = (...entries: string[]) => [
  ':127.0.0.2:listed, see https://l.example/?ip=$',
  '127.0.0.2',
  ...entries,
]

let lists: RunningRbldnsd
let postern: RunningPostern

const zones = {
  'bl.example': listing(
    '127.0.0.5 :127.0.0.4:sent spam to traps, see https://bl.example/127.0.0.5',
    '127.0.0.6',
    '127.0.0.7',
    '127.0.0.8 :127.0.0.200:on another list of theirs',
  ),
  'wl.example': listing('127.0.0.6'),
  'everybody.example': [':127.0.0.2:dead list', '0.0.0.0/0'],
  'nobody.example': [':127.0.0.2:empty list', '192.0.2.1'],
  'public.example': ['0.0.0.0/0 :127.255.255.254:https://example/errors'],
  'rewritten.example': ['0.0.0.0/0 :203.0.113.80:advertisements'],
}
const zone = (name: string) => ({ zone: name, refuseOn: ['127.0.0.2-11'] })
const filter = (Name: string, Policy: string, Cidr: string) => ({
  Name,
  IpFilter: { Policy, Cidr },
})

const configOf = (server: string, timeoutMs: number, ...dnsbl: string[]) => ({
  dns: { servers: [server], timeoutMs, cacheSeconds: 1 },
  blocklists: { dnsbl: dnsbl.map(zone), dnswl: [zone('wl.example')], probeSeconds: 1 },
})

/** What the SMTP process has said of a list: that it is used, or that it is not. */
const smtpSays = (name: string, level: string) =>
  postern.logged((each) => each['role'] === 'smtp' && each['zone'] === name && each.level === level)

beforeAll(async () => {
  lists = await startRbldnsd(zones)
})
afterAll(async () => {
  await stopAll()
  stopRbldnsd()
})

/** A session up to the reply to RCPT; it ends there. */
async function rcpt(ip: string, recipient = 'you@example.test'): Promise<Reply> {
  const client = await SmtpClient.connect(postern, ip)
  await client.hello('helo.example.test')
  await client.command('MAIL FROM:<sender@example.org>')
  const reply = await client.command(`RCPT TO:<${recipient}>`)
  await client.quit()
  return reply
}

const get = async (path: string): Promise<string> => (await fetch(`${postern.http}${path}`)).text()

describe('with lists that live and lists that do not', () => {
  const dead = [
    ['everybody.example', /lists 127\.0\.0\.1; .*dead: take it out/],
    ['nobody.example', /does not list 127\.0\.0\.2; .*name/],
    ['public.example', /127\.255\.255\.254: asked through a public resolver; set dns\.servers/],
    ['rewritten.example', /answers 203\.0\.113\.80, which is outside 127\/8; .*dns\.servers/],
    ['unknown.example', /gives no answer \(EREFUSED\); .*dns\.servers/],
  ] as const

  beforeAll(async () => {
    postern = await startPostern({
      config: configOf(lists.server, 5000, ...dead.map(([name]) => name), 'bl.example'),
      filters: {
        Filters: [
          filter('neighbour', 'Block', '127.0.0.9'),
          filter('friend', 'Allow', '127.0.0.7'),
          filter('friends-of-them', 'Allow', '127.0.0.48/30'),
          filter('net', 'Block', '127.0.0.49/28'),
        ],
      },
    })
    for (const [name] of dead) await smtpSays(name, 'warn')
    for (const name of ['bl.example', 'wl.example']) await smtpSays(name, 'info')
  })
  afterAll(stopAll)

  const refusal = 'IP address blacklisted by recipient:'
  const clients = [
    ['127.0.0.1', '250 2.1.5 Recipient OK', 'a client nobody knows'],
    [
      '127.0.0.5',
      `550 5.7.1 ${refusal} listed by bl.example: sent spam to traps, see https://bl.example/127.0.0.5`,
      'listed, with the words of the list',
    ],
    ['127.0.0.6', '250 2.1.5 Recipient OK', 'on the allow list, too'],
    ['127.0.0.7', '250 2.1.5 Recipient OK', 'listed, but an IP filter allows it'],
    ['127.0.0.8', '250 2.1.5 Recipient OK', 'an answer outside refuseOn'],
    ['127.0.0.9', `550 5.7.1 ${refusal} filter neighbour`, 'blocked by an IP filter'],
    ['127.0.0.62', `550 5.7.1 ${refusal} filter net`, 'blocked by a filter with host bits'],
    ['127.0.0.50', '250 2.1.5 Recipient OK', 'allowed inside what is blocked'],
  ] as const
  test.for(clients)('RCPT from %s gets %s: %s', async ([ip, expected]) => {
    const { code, text } = await rcpt(ip)
    expect(`${code} ${text}`).toBe(expected)
  })

  test.for([
    ['postmaster', 250],
    ['PostMaster@example.test', 250],
    ['postmaster@elsewhere.example', 550],
    ['postmaster+x@example.test', 550],
    ['you.postmaster@example.test', 550],
  ] as const)('a listed client may write to the postmaster: %s gets %i', async ([to, code]) => {
    expect((await rcpt('127.0.0.5', to)).code).toBe(code)
  })

  test('an IP filter means the postmaster, too', async () => {
    expect((await rcpt('127.0.0.9', 'postmaster')).code).toBe(550)
  })

  test('the session goes on after the refusal, and a message to the postmaster is taken', async () => {
    const client = await SmtpClient.connect(postern, '127.0.0.5')
    await client.hello()
    await client.command('MAIL FROM:<sender@example.org>')
    expect((await client.command('RCPT TO:<you@example.test>')).code).toBe(550)
    expect((await client.command('DATA')).code).toBe(503)
    expect((await client.command('RCPT TO:<postmaster>')).code).toBe(250)
    expect((await client.command('RCPT TO:<you@example.test>')).code).toBe(550)
    expect((await client.command('DATA')).code).toBe(354)
    const { code, text } = await client.message(Buffer.from('Subject: why am I listed\r\n\r\n'))
    expect(code).toBe(250)
    await client.quit()
    await postern.delivered()
    const { receipt } = await (await postern.mailbox()).get(text.slice('OK '.length))
    expect(receipt).toMatchObject({ recipients: ['postmaster@mx.example.test'] })
  })

  test('each refusal is in the log with client, envelope, cause and reply', async () => {
    const { text } = await rcpt('127.0.0.5', 'logged@example.test')
    expect(
      await postern.logged((each) => each['recipient'] === 'logged@example.test'),
    ).toMatchObject({
      level: 'info',
      role: 'smtp',
      ip: '127.0.0.5',
      helo: 'helo.example.test',
      from: 'sender@example.org',
      list: 'bl.example',
      answers: ['127.0.0.4'],
      reply: text,
    })
    await rcpt('127.0.0.9', 'filtered@example.test')
    expect(
      await postern.logged((each) => each['recipient'] === 'filtered@example.test'),
    ).toMatchObject({ ip: '127.0.0.9', filter: 'neighbour', cidr: '127.0.0.9' })
  })

  test.for(dead)('%s refuses nobody, and log and readyz say why: %s', async ([name, reason]) => {
    const { cause, remedy } = await smtpSays(name, 'warn')
    expect(`${cause}; ${remedy}`).toMatch(reason)
    await until(async () => (await get('/readyz')).includes(`list ${name}: `))
    const line = (await get('/readyz')).split('\n').find((each) => each.includes(name))
    expect(line).toMatch(reason)
    expect((await fetch(`${postern.http}/readyz`)).status).toBe(503)
    expect(await get('/metrics')).toContain(`postern_dnsbl_zone_up{zone="${name}"} 0`)
  })

  test('each change of a list is told once by each process, however often it is probed', async () => {
    await rcpt('127.0.0.1')
    const told = postern.logs().filter((each) => each['zone'] === 'everybody.example')
    expect(told.map(({ role }) => role).toSorted()).toEqual(['http', 'smtp'])
  })

  test('explain says which filter decides about an address, as text and as JSON', async () => {
    const explain = (ip: string, ...more: string[]) =>
      postern.cli('explain', '--to', 'you@example.test', '--ip', ip, ...more)
    const { stdout } = await explain('127.0.0.9')
    expect(stdout).toContain('blocked by the IP filter neighbour (127.0.0.9)')
    expect(JSON.parse((await explain('127.0.0.51', '--json')).stdout)).toMatchObject({
      disposition: 'accept',
      filter: { name: 'friends-of-them', policy: 'Allow', cidr: '127.0.0.48/30' },
    })
  })
})

describe('while a list dies and comes back, in each of two processes', () => {
  const filters = { Filters: [filter('neighbour', 'Block', '127.0.0.9')] }

  beforeAll(async () => {
    const smtp = { listen: ['127.0.0.1:0'], processes: 2 }
    const config = { ...configOf(lists.server, 1000, 'bl.example'), smtp }
    postern = await startPostern({ config, filters })
  })
  afterAll(async () => {
    lists.resume()
    await stopAll()
  })

  const isRefused = async (): Promise<boolean> => (await rcpt('127.0.0.5')).code === 550
  const zoneUp = async (up: 0 | 1): Promise<void> =>
    until(async () => (await get('/metrics')).includes(`zone_up{zone="bl.example"} ${up}`))
  const always = async (refused: boolean): Promise<void> => {
    // The kernel chooses the process: many in a row have met both.
    for (let run = 0; run < 20; ) run = (await isRefused()) === refused ? run + 1 : 0
  }

  test('it refuses, and readyz is well', async () => {
    await zoneUp(1)
    await always(true)
    await until(async () => (await get('/readyz')) === 'ready\n')
  })

  test('it is switched off when it lists everybody, and back on', async () => {
    await lists.set('bl.example', zones['everybody.example'])
    await zoneUp(0)
    await always(false)
    await lists.set('bl.example', zones['bl.example'])
    await zoneUp(1)
    await always(true)
    expect(await get('/readyz')).toBe('ready\n')
  })

  test('it is switched off when nobody answers; filters still count, and no session waits long', async () => {
    lists.pause()
    await zoneUp(0)
    await always(false)
    expect(await get('/readyz')).toMatch(/^list bl\.example: gives no answer \(ETIMEOUT\); /m)
    expect((await rcpt('127.0.0.9')).code).toBe(550)
    lists.resume()
    await zoneUp(1)
    await always(true)
  })
})

test('a client of an IPv6 socket is known by its IPv4 address', async () => {
  const config = { ...configOf(lists.server, 1000, 'bl.example'), smtp: { listen: ['[::]:0'] } }
  const filters = { Filters: [filter('neighbour', 'Block', '127.0.0.9')] }
  const started = await startPostern({ config, filters })
  postern = { ...started, host: '127.0.0.1' }
  await smtpSays('bl.example', 'info')
  expect((await rcpt('127.0.0.9')).text).toMatch(/filter neighbour$/)
  expect((await rcpt('127.0.0.5')).text).toMatch(/listed by bl\.example: sent spam/)
  expect((await rcpt('127.0.0.1')).code).toBe(250)
  await started.stop()
})

test('a filters file with mistakes keeps Postern from starting, each of them told', async () => {
  const filters = 'Filters:\n  - { Name: a, IpFilter: { Policy: block, Cidr: 10.0.0.0/33 } }\n'
  const problems = [
    /rules\/filters\.yaml:2:36: Filters\[0\]\.IpFilter\.Policy: must be Block or Allow/,
    /rules\/filters\.yaml:2:49: Filters\[0\]\.IpFilter\.Cidr: .* 33 bits; IPv4 has 32/,
  ]
  const error = await startPostern({ filters }).catch((thrown: unknown) => thrown)
  for (const each of problems) expect(String(error)).toMatch(each)
})
