/**
 * Stands for the public DNS, which no test may ask: a name server on loopback, UDP and TCP, that serves a
 * zone literal, plays what goes wrong out there, and records what it was asked.
 */
import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { type Answer, decode, encode, type Packet, TRUNCATED_RESPONSE } from 'dns-packet'

/** What a name answers: its records by type; or a failure for every type. */
export type Records = {
  readonly A?: readonly string[]
  readonly AAAA?: readonly string[]
  /** Each a record; longer than 255 octets is cut into strings. */
  readonly TXT?: readonly string[]
  readonly MX?: readonly string[]
  readonly PTR?: readonly string[]
  readonly CNAME?: string
  /** Seconds; 300 unless told. */
  readonly ttl?: number
}
export type Failure = 'SERVFAIL' | 'REFUSED' | 'silence'
export type Zones = Readonly<Record<string, Records | Failure>>

export type RunningDns = {
  /** `127.0.0.1:PORT`, as `dns.servers` takes it. */
  readonly server: string
  /** `TYPE name`, in the order asked. */
  readonly questions: string[]
  readonly set: (zones: Zones) => void
  readonly stop: () => Promise<void>
}

/** Names that are not in `zones` do not exist (NXDOMAIN), unless others stand below them. */
export async function startDns(zones: Zones = {}): Promise<RunningDns> {
  let current = lowerCased(zones)
  const questions: string[] = []

  function answer(octets: Buffer, maxLength: number): Buffer | undefined {
    const packet = decode(octets)
    const { name = '', type = 'A' } = packet.questions?.[0] ?? {}
    questions.push(`${type} ${name.toLowerCase()}`)
    const found = look(current, name.toLowerCase(), type)
    if (found === 'silence') return undefined
    const { rcode, answers } = found
    const reply = { ...header(packet, rcode), answers }
    const whole = encode(reply as Packet)
    if (whole.length <= maxLength) return whole
    return encode({ ...header(packet, 0, TRUNCATED_RESPONSE), answers: [] } as Packet)
  }

  const newUdp = (): Socket => {
    const udp = createSocket('udp4')
    return udp.on('message', (octets, from) => {
      const reply = answer(octets, 512)
      if (reply !== undefined) udp.send(reply, from.port, from.address)
    })
  }
  const { port, udp, tcp } = await listen(newUdp, (octets) => answer(octets, 65_535))
  return {
    server: `127.0.0.1:${port}`,
    questions,
    set(next) {
      current = lowerCased(next)
    },
    async stop() {
      udp.close()
      await new Promise((resolve) => tcp.close(resolve))
    },
  }
}

/** One port for both. Which one UDP has been given may be taken of TCP. */
async function listen(
  newUdp: () => Socket,
  answer: (octets: Buffer) => Buffer | undefined,
): Promise<{ port: number; udp: Socket; tcp: Server }> {
  for (;;) {
    const udp = newUdp()
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))
    const { port } = udp.address()
    const tcp = tcpServer(answer)
    const isOurs = await new Promise<boolean>((resolve) => {
      tcp.once('error', () => resolve(false))
      tcp.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (isOurs) return { port, udp, tcp }
    udp.close()
  }
}

function tcpServer(answer: (octets: Buffer) => Buffer | undefined): Server {
  return createServer((socket) => {
    let heard = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (octets) => {
      heard = Buffer.concat([heard, octets])
      while (heard.length >= 2 && heard.length >= 2 + heard.readUInt16BE(0)) {
        const length = heard.readUInt16BE(0)
        const reply = answer(heard.subarray(2, 2 + length))
        heard = heard.subarray(2 + length)
        if (reply === undefined) continue
        const prefix = Buffer.alloc(2)
        prefix.writeUInt16BE(reply.length)
        socket.write(Buffer.concat([prefix, reply]))
      }
    })
  })
}

function header(packet: ReturnType<typeof decode>, rcode: number, flags = 0) {
  const recursion = 0x180
  return {
    type: 'response',
    id: packet.id,
    flags: recursion | flags | rcode,
    questions: packet.questions,
  } as const
}

type Found = { readonly rcode: number; readonly answers: readonly Answer[] } | 'silence'
const [NOERROR, SERVFAIL, NXDOMAIN, REFUSED] = [0, 2, 3, 5]

function look(zones: Zones, name: string, type: string): Found {
  const answers: Answer[] = []
  const seen = new Set<string>()
  for (let at = name; ; ) {
    const records = zones[at]
    if (records === 'silence') return 'silence'
    if (records === 'SERVFAIL') return { rcode: SERVFAIL, answers: [] }
    if (records === 'REFUSED') return { rcode: REFUSED, answers: [] }
    if (records === undefined) {
      const above = Object.keys(zones).some((each) => each.endsWith(`.${at}`))
      return { rcode: above ? NOERROR : NXDOMAIN, answers }
    }
    if (records.CNAME === undefined || type === 'CNAME') {
      return { rcode: NOERROR, answers: [...answers, ...answersOf(at, type, records)] }
    }
    // A resolver that follows a loop gives up with SERVFAIL.
    if (seen.has(at)) return { rcode: SERVFAIL, answers: [] }
    seen.add(at)
    answers.push({ name: at, type: 'CNAME', ttl: records.ttl ?? 300, data: records.CNAME })
    at = records.CNAME.toLowerCase()
  }
}

function answersOf(name: string, type: string, records: Records): Answer[] {
  const ttl = records.ttl ?? 300
  switch (type) {
    case 'A':
      return (records.A ?? []).map((data) => ({ name, type: 'A', ttl, data }))
    case 'AAAA':
      return (records.AAAA ?? []).map((data) => ({ name, type: 'AAAA', ttl, data }))
    case 'PTR':
      return (records.PTR ?? []).map((data) => ({ name, type: 'PTR', ttl, data }))
    case 'MX':
      return (records.MX ?? []).map((text) => {
        const [preference = '0', exchange = '.'] = text.split(' ')
        return { name, type: 'MX', ttl, data: { preference: Number(preference), exchange } }
      })
    case 'TXT':
      return (records.TXT ?? []).map((text) => {
        const data = text.match(/.{1,255}/gs) ?? ['']
        return { name, type: 'TXT', ttl, data }
      })
    default:
      return []
  }
}

function lowerCased(zones: Zones): Zones {
  return Object.fromEntries(
    Object.entries(zones).map(([name, records]) => [name.toLowerCase(), records]),
  )
}
