/**
 * What sealing costs in each format, beside the primitive that does its work, round by round in one run; and
 * the longest time for which a message of 40 MB keeps the event loop. Pieces come as from the spool, 64 KiB each.
 */
import { createCipheriv, generateKeyPairSync, randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { chooseBackend } from '../src/seal/backend.ts'
import { seal } from '../src/seal/envelope.ts'
import { newKeyPair } from '../src/seal/keys.ts'
import { type NaclBackend, tweetnaclBackend } from '../src/seal/nacl.ts'
import { type SealingKey, sealS3ec } from '../src/seal/s3ec/seal.ts'
import { printFigures, quantile } from './measure.ts'

const PIECE = 65_536
const sizes = [
  { name: '16 KiB', octets: 16_384 },
  { name: '64 KiB', octets: 65_536 },
  { name: '1 MiB', octets: 1_048_576 },
  { name: '25 MiB', octets: 26_214_400 },
] as const
const ROUNDS = 9
/** Of each round, so that small messages are not measured by the clock's own grain. */
const OCTETS_A_ROUND = 26_214_400

type Work = (pieces: readonly Uint8Array[]) => Promise<void>
type Case = { readonly name: string; readonly raw: string; readonly work: Work }

const secret = randomBytes(32)
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const pair = newKeyPair()

async function* streamed(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) {
    // Sealed is sealed.
  }
}

function gcm(pieces: readonly Uint8Array[]): void {
  const cipher = createCipheriv('aes-256-gcm', secret, new Uint8Array(12))
  for (const piece of pieces) cipher.update(piece)
  cipher.final()
  cipher.getAuthTag()
}

function secretbox(backend: NaclBackend): Work {
  const nonce = new Uint8Array(24)
  return async (pieces) => {
    for (const piece of pieces) backend.secretbox(piece, nonce, secret)
  }
}

const fastest = chooseBackend().backend
const raw: Readonly<Record<string, Work>> = {
  'AES-256-GCM': async (pieces) => gcm(pieces),
  [`secretbox, ${fastest.name}`]: secretbox(fastest),
  'secretbox, tweetnacl': secretbox(tweetnaclBackend),
}

function s3ec(key: SealingKey): Work {
  return async (pieces) => drain((await sealS3ec(streamed(pieces), key)).body)
}

function envelope(backend: NaclBackend): Work {
  return (pieces) => drain(seal(streamed(pieces), [pair.publicKey], { backend }))
}

const context = {}
const cases: readonly Case[] = [
  {
    name: 'v3, RSA-3072',
    raw: 'AES-256-GCM',
    work: s3ec({ type: 'rsa', version: 'v3', context, publicKey }),
  },
  {
    name: 'v2, RSA-3072',
    raw: 'AES-256-GCM',
    work: s3ec({ type: 'rsa', version: 'v2', context, publicKey }),
  },
  {
    name: 'v3, AES',
    raw: 'AES-256-GCM',
    work: s3ec({ type: 'aes', version: 'v3', context, secret }),
  },
  {
    name: `envelope, ${fastest.name}`,
    raw: `secretbox, ${fastest.name}`,
    work: envelope(fastest),
  },
  { name: 'envelope, tweetnacl', raw: 'secretbox, tweetnacl', work: envelope(tweetnaclBackend) },
]

function piecesOf(octets: number): Uint8Array[] {
  const message = randomBytes(octets)
  return Array.from({ length: Math.ceil(octets / PIECE) }, (_, index) =>
    message.subarray(index * PIECE, (index + 1) * PIECE),
  )
}

/** MB in a second, over as many messages as make a round. */
async function rateOf(work: Work, pieces: readonly Uint8Array[], octets: number): Promise<number> {
  const messages = Math.max(1, Math.round(OCTETS_A_ROUND / octets / (octets < PIECE ? 4 : 1)))
  const began = performance.now()
  for (let sent = 0; sent < messages; sent++) await work(pieces)
  return (messages * octets) / 1000 / (performance.now() - began)
}

export async function benchSealing(): Promise<void> {
  for (const { name, octets } of sizes) {
    const pieces = piecesOf(octets)
    const rates = new Map<string, number[]>()
    const all = [...Object.entries(raw), ...cases.map((each) => [each.name, each.work] as const)]
    for (let round = 0; round < ROUNDS; round++) {
      for (const [label, work] of all) {
        const found = rates.get(label) ?? []
        found.push(await rateOf(work, pieces, octets))
        rates.set(label, found)
      }
    }
    const median = (label: string): number => quantile(rates.get(label) ?? [], 0.5)
    const rows = cases.map((each) => {
      const [own, yardstick] = [median(each.name), median(each.raw)]
      return [
        each.name,
        own.toFixed(0),
        `${each.raw} ${yardstick.toFixed(0)}`,
        (own / yardstick).toFixed(2),
      ]
    })
    const head = ['format', 'MB/s', 'raw primitive, MB/s', 'sealed/raw']
    printFigures(`Sealing messages of ${name}, median of ${ROUNDS} rounds`, head, rows)
  }
  const whole = [randomBytes(40_000_000)]
  const rows: string[][] = []
  for (const { name, work } of cases) {
    await work(piecesOf(PIECE))
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await work(whole)
    delay.disable()
    rows.push([name, (delay.max / 1e6).toFixed(1)])
  }
  const title =
    'Longest stretch of the event loop while 40 MB are sealed from one buffer, ms (of which 1 is the timer)'
  printFigures(title, ['format', 'ms'], rows)
}
