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
import type { SealingKey } from '../src/seal/s3ec/seal.ts'
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
  { name: '16 KiB', octets: 16_384, rounds: 25 },
  { name: '64 KiB', octets: 65_536, rounds: 25 },
  { name: '1 MiB', octets: 1_048_576, rounds: 25 },
  { name: '25 MiB', octets: 26_214_400, rounds: 5 },
] as const
/** Messages of a round: so many that each round has garbage to collect, about once. */
const messagesOf = (octets: number): number => Math.ceil(8_388_608 / Math.max(octets, 65_536))

type Case = {
  readonly name: string
  readonly sealer: Sealer
  readonly primitives: Raw
  readonly cipher: Raw
}

function allCases(): readonly Case[] {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const rsa = { type: 'rsa', publicKey, context: {} } as const
  const aes = { type: 'aes', secret: randomBytes(32), context: {} } as const
  return [
    ...envelopeCases(newKeyPair().publicKey),
    s3ecCase('v3, RSA-3072', { ...rsa, version: 'v3' }, rsaWrap(publicKey)),
    s3ecCase('v2, RSA-3072', { ...rsa, version: 'v2' }, rsaWrap(publicKey)),
    s3ecCase('v3, AES', { ...aes, version: 'v3' }, aesWrap),
  ]
}

function s3ecCase(name: string, key: SealingKey, wrap: () => void): Case {
  const primitives = s3ecPrimitives(key.version, wrap)
  return { name, sealer: s3ecSealer(key), primitives, cipher: gcm }
}

/** By sodium-native, where it is installed, and by tweetnacl. */
function envelopeCases(publicKey: Uint8Array): readonly Case[] {
  const sodium = sodiumCalls(publicKey)
  const fast = { name: 'envelope, sodium-native', sealer: envelopeSealer([publicKey]) }
  const sealer: Sealer = async (plaintext, length) => ({
    body: seal(plaintext, [publicKey], { backend: tweetnaclBackend, length }),
    length,
    metadata: {},
  })
  const slow = { name: 'envelope, tweetnacl', sealer, ...tweetnaclCalls(publicKey) }
  return sodium === undefined ? [slow] : [{ ...fast, ...sodium }, slow]
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
  { name, octets, rounds }: (typeof sizes)[number],
  cases: readonly Case[],
): Promise<void> {
  const message = new Uint8Array(randomBytes(octets))
  const rows: string[][] = []
  for (const each of cases) {
    const found: Round[] = []
    for (let round = 0; round < rounds; round++) {
      found.push(await roundOf(each, message, messagesOf(octets)))
    }
    const median = (of: (round: Round) => number): number => quantile(found.map(of), 0.5)
    rows.push([
      each.name,
      median(({ own }) => own).toFixed(0),
      median(({ primitives }) => primitives).toFixed(0),
      median(({ own, primitives }) => primitives / own).toFixed(2),
      median(({ cipher }) => cipher).toFixed(0),
      median(({ own, cipher }) => cipher / own).toFixed(2),
    ])
  }
  const head = [
    'format',
    'sealed, µs',
    'raw primitives, µs',
    'raw/sealed',
    'cipher alone, µs',
    'cipher/sealed',
  ]
  printFigures(`Sealing messages of ${name}, medians of ${rounds} rounds`, head, rows)
}

const explanation = `
Sealing: the processor time of one message. "raw primitives" are all that its format prescribes for one message:
random octets, the wrap of its key, derivations, the cipher. "cipher alone" is the last of them, over the same octets.
1 is as fast as either. The goal is raw/sealed of 0.7 from 64 KiB on; beside the cipher alone it cannot be reached
at 64 KiB, where the wrap alone takes longer than the cipher.
`

export async function benchSealing(): Promise<void> {
  const cases = allCases()
  process.stdout.write(explanation)
  for (const size of sizes) await benchSize(size, cases)
  await benchStretches(cases)
}

/**
 * How fast the default format, an envelope for one key by the fastest library of this machine, seals 64 KiB
 * beside the raw primitives of such a message: the median of the rounds' ratios. Some four seconds.
 */
export async function sealRatio64k(): Promise<number> {
  const { publicKey } = newKeyPair()
  const sealer = envelopeSealer([publicKey])
  const { primitives } = sodiumCalls(publicKey) ?? tweetnaclCalls(publicKey)
  const each = { name: 'envelope', sealer, primitives, cipher: () => undefined }
  const message = new Uint8Array(randomBytes(65_536))
  await roundOf(each, message, messagesOf(65_536))
  const ratios: number[] = []
  for (const until = performance.now() + 3500; performance.now() < until; ) {
    const { own, primitives: raw } = await roundOf(each, message, messagesOf(65_536))
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
