/**
 * What sealing costs in each format, beside the primitives that its format prescribes for one message
 * and beside the cipher alone (sealing-raw.ts), round by round in one run; and the longest time for which
 * a message of 40 MB keeps the event loop. Processor time, of all threads: other programs count less.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { seal } from '../src/seal/envelope.ts'
import { newKeyPair } from '../src/seal/keys.ts'
import { tweetnaclBackend } from '../src/seal/nacl.ts'
import { envelopeSealer, type Sealer, s3ecSealer } from '../src/seal/sealer.ts'
import { printFigures, quantile } from './measure.ts'
import {
  aesWrap,
  gcm,
  type Raw,
  rsaWrap,
  s3ecPrimitives,
  sodiumCalls,
  tweetnaclCalls,
} from './sealing-raw.ts'

/** Pieces come as in the worker: first the fields that are put before a message, then what the spool reads at once. */
const [FIELDS, PIECE] = [1200, 262_144]
const sizes = [
  { name: '16 KiB', octets: 16_384 },
  { name: '64 KiB', octets: 65_536 },
  { name: '1 MiB', octets: 1_048_576 },
  { name: '25 MiB', octets: 26_214_400 },
] as const
const ROUNDS = 9
/** Of each round, so that neither the clock's grain nor a collection of garbage more or less decides. */
const OCTETS_A_ROUND = 13_107_200

type Case = {
  readonly name: string
  readonly sealer: Sealer
  readonly primitives: Raw
  readonly cipher: Raw
}

function allCases(): readonly Case[] {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const secret = randomBytes(32)
  const pair = newKeyPair()
  const context = {}
  const rsa = rsaWrap(publicKey)
  const cases: Case[] = [
    {
      name: 'v3, RSA-3072',
      sealer: s3ecSealer({ type: 'rsa', version: 'v3', context, publicKey }),
      primitives: s3ecPrimitives('v3', rsa),
      cipher: gcm,
    },
    {
      name: 'v2, RSA-3072',
      sealer: s3ecSealer({ type: 'rsa', version: 'v2', context, publicKey }),
      primitives: s3ecPrimitives('v2', rsa),
      cipher: gcm,
    },
    {
      name: 'v3, AES',
      sealer: s3ecSealer({ type: 'aes', version: 'v3', context, secret }),
      primitives: s3ecPrimitives('v3', aesWrap),
      cipher: gcm,
    },
    {
      name: 'envelope, tweetnacl',
      sealer: async (plaintext, length) => ({
        body: seal(plaintext, [pair.publicKey], { backend: tweetnaclBackend, length }),
        length,
        metadata: {},
      }),
      ...tweetnaclCalls(pair.publicKey),
    },
  ]
  return [...cases, ...sodiumCase(pair.publicKey)]
}

function sodiumCase(publicKey: Uint8Array): Case[] {
  const calls = sodiumCalls(publicKey)
  const sealer = envelopeSealer([publicKey])
  return calls === undefined ? [] : [{ name: 'envelope, sodium-native', sealer, ...calls }]
}

function piecesOf(message: Uint8Array): Uint8Array[] {
  const pieces = [message.subarray(0, FIELDS)]
  for (let at = FIELDS; at < message.length; at += PIECE) {
    pieces.push(message.subarray(at, at + PIECE))
  }
  return pieces
}

async function* streamed(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

async function sealed(sealer: Sealer, pieces: readonly Uint8Array[], octets: number) {
  const { body } = await sealer(streamed(pieces), octets)
  for await (const _ of body) {
    // Sealed is sealed.
  }
}

/** Microseconds of processor that a message takes, over so many. */
async function costOf(messages: number, work: () => void | Promise<void>): Promise<number> {
  const began = process.cpuUsage()
  for (let done = 0; done < messages; done++) await work()
  const { user, system } = process.cpuUsage(began)
  return (user + system) / messages
}

type Round = { readonly own: number; readonly primitives: number; readonly cipher: number }

async function roundOf(each: Case, message: Uint8Array, messages: number): Promise<Round> {
  const pieces = piecesOf(message)
  return {
    own: await costOf(messages, () => sealed(each.sealer, pieces, message.length)),
    primitives: await costOf(messages, () => each.primitives(message)),
    cipher: await costOf(messages, () => each.cipher(message)),
  }
}

async function benchSize(
  { name, octets }: (typeof sizes)[number],
  cases: readonly Case[],
): Promise<void> {
  const message = new Uint8Array(randomBytes(octets))
  const messages = Math.max(1, Math.round(OCTETS_A_ROUND / Math.max(octets, 65_536)))
  const rounds = new Map<Case, Round[]>(cases.map((each) => [each, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [each, found] of rounds) found.push(await roundOf(each, message, messages))
  }
  const rows = [...rounds].map(([each, found]) => {
    const median = (of: (round: Round) => number): number => quantile(found.map(of), 0.5)
    return [
      each.name,
      median(({ own }) => own).toFixed(0),
      median(({ primitives }) => primitives).toFixed(0),
      median(({ own, primitives }) => primitives / own).toFixed(2),
      median(({ cipher }) => cipher).toFixed(0),
      median(({ own, cipher }) => cipher / own).toFixed(2),
    ]
  })
  const head = ['format', 'sealed, µs', 'primitives, µs', 'speed', 'cipher, µs', 'speed']
  const title = `Sealing messages of ${name}: processor time of one, and how fast that is beside the raw primitives of one message (its keys, wraps, derivations and cipher; the goal is 0.70 of their speed from 64 KiB on) and beside the cipher alone; medians of ${ROUNDS} rounds`
  printFigures(title, head, rows)
}

export async function benchSealing(): Promise<void> {
  const cases = allCases()
  for (const size of sizes) await benchSize(size, cases)
  await benchStretches(cases)
}

/**
 * How fast the default format, an envelope for one key by the fastest library of this machine, seals 64 KiB
 * beside the raw primitives of such a message: the median of the rounds' ratios. Some two seconds.
 */
export async function sealRatio64k(): Promise<number> {
  const { publicKey } = newKeyPair()
  const sealer = envelopeSealer([publicKey])
  const { primitives } = sodiumCalls(publicKey) ?? tweetnaclCalls(publicKey)
  const each = { name: 'envelope', sealer, primitives, cipher: () => undefined }
  const message = new Uint8Array(randomBytes(65_536))
  await roundOf(each, message, 300)
  const ratios: number[] = []
  for (const until = performance.now() + 2000; performance.now() < until; ) {
    const { own, primitives: raw } = await roundOf(each, message, 300)
    ratios.push(raw / own)
  }
  return quantile(ratios, 0.5)
}

async function benchStretches(cases: readonly Case[]): Promise<void> {
  const whole = [new Uint8Array(randomBytes(40_000_000))]
  const rows: string[][] = []
  for (const { name, sealer } of cases) {
    await sealed(sealer, [whole[0]?.subarray(0, PIECE) ?? new Uint8Array()], PIECE)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    await sealed(sealer, whole, 40_000_000)
    delay.disable()
    rows.push([name, (delay.max / 1e6).toFixed(1)])
  }
  const title =
    'Longest stretch of the event loop while 40 MB are sealed from one buffer, ms (of which 1 is the timer)'
  printFigures(title, ['format', 'ms'], rows)
}
