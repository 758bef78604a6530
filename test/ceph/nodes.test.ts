/**
 * Three nodes with one Redis and one Ceph, each a machine of a network of its own. A node that is
 * killed, or cut off from Redis or from the store, loses nothing; the others do not notice, and what it
 * holds is delivered when it is back, or by another. Two of the three were given one name, which must
 * not matter.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Mailbox, naclKey, openMailbox, s3Store } from '../../src/client/index.ts'
import { newKeyPair } from '../../src/seal/keys.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import { type Forwarder, forwarder } from '../support/forwarder.ts'
import { expectStored, freePort, messageOf, type Sent, sendAll } from '../support/load.ts'
import { type Lan, type Machine, openLan, whyNoNamespaces } from '../support/namespaces.ts'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { startRedis, stopRedis } from '../support/redis.ts'

const why = whyNoNamespaces()
const ceph = inject('ceph')
const client = cephClient(ceph)
const pair = newKeyPair()

let lan: Lan
let redisAt: string
let storeAt: string
const forwarders: Forwarder[] = []
const nodes: RunningPostern[] = []
let settings: (machine: Machine, index: number) => Parameters<typeof startPostern>[0]
let mailbox: Mailbox
const all: Sent[] = []

beforeAll(async () => {
  if (why !== undefined) return
  lan = openLan({ machines: 3, shared: 2 })
  ;[redisAt = '', storeAt = ''] = lan.shared
  const port = await freePort()
  await (await startRedis({ port })).start()
  forwarders.push(
    forwarder(6379, new URL(`redis://127.0.0.1:${port}`), redisAt),
    forwarder(80, new URL(ceph.endpoint), storeAt),
  )
  for (const each of forwarders) await each.open()

  const bucket = await newBucket(client)
  mailbox = openMailbox({ store: s3Store({ client, bucket }), keys: [naclKey(pair.secretKey)] })
  const { accessKeyId, secretAccessKey } = ceph
  const endpoint = `http://${storeAt}`
  const action = { S3Action: { BucketName: bucket } }
  const rule = { Name: 'all', Enabled: true, ScanEnabled: true, Actions: [action] }
  settings = ({ address, run }, index) => ({
    under: run,
    config: {
      hostname: `mx${index + 1}.example.test`,
      // The second and the third have one name, by mistake.
      node: index === 0 ? 'mx1' : 'mx',
      smtp: { listen: [`${address}:25`] },
      redis: `redis://${redisAt}`,
      store: { type: 's3', endpoint, forcePathStyle: true, accessKeyId, secretAccessKey },
      keys: { main: { type: 'nacl', publicKey: Buffer.from(pair.publicKey).toString('base64') } },
      // Were jobs of the one taken by the other, this long nobody would add them again.
      delivery: { sweepSeconds: index === 0 ? 1 : 600 },
    },
    rules: { Metadata: { Name: 'default' }, Rules: [rule] },
  })
  nodes.push(
    ...(await Promise.all(lan.machines.map((each, index) => startPostern(settings(each, index))))),
  )
})

afterAll(async () => {
  await stopAll()
  for (const each of forwarders) await each.close()
  stopRedis()
  lan?.close()
  client.destroy()
})

let sent = 0
const messages = (count: number): Buffer[] =>
  Array.from({ length: count }, () => messageOf(1500 + sent, sent++))

const node = (index: number): RunningPostern => nodes[index] as RunningPostern
const machine = (index: number): Machine => lan.machines[index] as Machine
const others = (index: number): RunningPostern[] => nodes.filter((_, each) => each !== index)

/** As senders with three MX records of one preference do: each connection to the next. */
const anyNode = (): (() => RunningPostern) => {
  let turn = 0
  return () => node(turn++ % nodes.length)
}

/** Sends to each node at once, in sessions that stay with it. */
async function sendToEach(count: number): Promise<void> {
  all.push(...(await Promise.all(nodes.map((each) => sendAll(() => each, messages(count))))))
}

const delivered = (some: readonly RunningPostern[]): Promise<unknown> =>
  Promise.all(some.map((each) => each.delivered()))

/** All that any node has said 250 to so far, once and byte for byte; nothing waits, nothing was given up. */
async function expectAllKept(): Promise<void> {
  await delivered(nodes)
  await expectStored(mailbox, ...all)
  expect(nodes.flatMap((each) => each.dead())).toEqual([])
}

/** Runs where network namespaces can be made; elsewhere the title says why it is skipped. */
const networked = (title: string, run: () => Promise<void>): void => {
  test.skipIf(why !== undefined)(why === undefined ? title : `${title} (skipped: ${why})`, run)
}

networked('three nodes, two of one name, take and deliver mail side by side', async () => {
  await sendToEach(20)
  await expectAllKept()
})

networked(
  'a node killed under load with mail in its spool: senders go on to the others, and it drains when it is back',
  async () => {
    machine(1).cut(storeAt)
    const killed = Promise.withResolvers<void>()
    const load = sendAll(anyNode(), messages(90), {
      sessions: 6,
      tell: (count) => {
        if (count === 30) void node(1).killAll().then(killed.resolve, killed.reject)
      },
    })
    await killed.promise
    all.push(await load)
    await delivered(others(1))
    const waiting = node(1).spooled()
    expect(waiting.length).toBeGreaterThan(0)

    machine(1).mend(storeAt)
    nodes[1] = await startPostern({ ...settings(machine(1), 1), again: node(1) })
    await expectAllKept()
    expect(
      node(1)
        .logs()
        .filter(({ msg, id }) => msg === 'Action done' && waiting.includes(`${id}`)),
    ).toHaveLength(waiting.length)
  },
)

networked(
  'a node cut off from the store keeps what it takes, the others deliver, and it drains when it is back',
  async () => {
    machine(2).cut(storeAt)
    await sendToEach(20)
    await delivered(others(2))
    expect(node(2).spooled()).toHaveLength(20)
    machine(2).mend(storeAt)
    await expectAllKept()
  },
)

networked(
  'a node cut off from Redis takes mail, notices, and delivers when it is back; the others do not wait',
  async () => {
    machine(0).cut(redisAt)
    await sendToEach(20)
    await delivered(others(0))
    for (const role of ['smtp', 'worker']) {
      await node(0).logged((each) => each['role'] === role && each.msg.includes('does not answer'))
    }
    expect(node(0).spooled()).toHaveLength(20)
    machine(0).mend(redisAt)
    await expectAllKept()
  },
)

networked(
  'the spool of a machine that is gone, moved to another node as docs/scale.md says, is delivered there',
  async () => {
    machine(1).cut(storeAt)
    all.push(await sendAll(() => node(1), messages(10)))
    await node(1).killAll()
    const waiting = node(1).spooled()
    expect(waiting).toHaveLength(10)
    const [from, to] = [node(1).dataDir, node(0).dataDir]
    const postern = `postern() { ${program} --config ${node(0).configFile} "$@"; }`
    execFileSync('sh', ['-ec', `${postern}\nfrom=${from} to=${to}\n${moving()}`])
    await node(0).delivered()
    await expectStored(mailbox, ...all)
    expect(node(1).spooled()).toEqual(waiting)
  },
)

const program = join(import.meta.dirname, '../../bin/postern')

/** The commands of the manual, but for the line that says from where to where. */
function moving(): string {
  const manual = readFileSync(join(import.meta.dirname, '../../docs/scale.md'), 'utf8')
  const [, commands] = /^from=\S+ to=\S+.*\n([^`]+)```$/m.exec(manual) ?? []
  if (commands === undefined) throw new Error('docs/scale.md shows no commands that move a spool')
  return commands
}
