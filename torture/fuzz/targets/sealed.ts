/** What a store holds, and may have changed: envelopes, the metadata of S3 Encryption Clients, key files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MailboxError } from '../../../src/client/errors.ts'
import { naclKey, openObject } from '../../../src/client/index.ts'
import { UserError } from '../../../src/errors.ts'
import { EnvelopeError, open } from '../../../src/seal/envelope.ts'
import {
  formatPublicKey,
  keyPairOf,
  parsePublicKey,
  parseSecretKey,
} from '../../../src/seal/keys.ts'
import { tweetnaclBackend } from '../../../src/seal/nacl.ts'
import { S3ecError } from '../../../src/seal/s3ec/error.ts'
import { parseInstruction, sealingOf, whereKeyIs } from '../../../src/seal/s3ec/format.ts'
import { parseRsaPrivateKey } from '../../../src/seal/s3ec/pem.ts'
import { parseAesKey, parseRsaPublicKey } from '../../../src/seal/s3ec/server-keys.ts'
import { holds, octetsOf, pieces, type Target, textOf, throwsOnly } from '../target.ts'

const vectors = join(import.meta.dirname, '../../../test/vectors')
const json = (name: string): unknown => JSON.parse(readFileSync(join(vectors, name), 'utf8'))
const octets = (base64: string): Buffer => Buffer.from(base64, 'base64')

type Envelopes = {
  readonly keys: readonly { readonly secretKey: string }[]
  readonly vectors: readonly { readonly sealed?: string }[]
}
const envelopes = json('envelope-v1.json') as Envelopes
const pairs = envelopes.keys.map(({ secretKey }) => keyPairOf(octets(secretKey)))

type OfClients = {
  readonly rsaPrivateKeyPem: string
  readonly vectors: readonly {
    readonly metadata: Readonly<Record<string, string>>
    readonly body: string
    readonly instruction?: unknown
  }[]
}
const ofClients = json('s3-encryption-client.json') as OfClients

async function outcome(input: Uint8Array, backend?: typeof tweetnaclBackend): Promise<string> {
  const plain: Uint8Array[] = []
  try {
    const options = backend === undefined ? {} : { backend }
    for await (const piece of open(pieces(input, 97), pairs, options)) plain.push(piece)
    return `opened ${Buffer.concat(plain).toString('base64')}`
  } catch (error) {
    if (error instanceof EnvelopeError) return error.reason
    throw error
  }
}

async function runEnvelope(input: Uint8Array): Promise<void> {
  const [fast, portable] = [await outcome(input), await outcome(input, tweetnaclBackend)]
  holds(fast === portable, 'both backends say the same')
  holds(!fast.startsWith('opened') || isVector(input), 'nothing opens that nobody sealed')
}

function isVector(input: Uint8Array): boolean {
  return envelopes.vectors.some(
    ({ sealed }) => sealed !== undefined && octets(sealed).equals(input),
  )
}

/** A JSON object: `metadata`, `instruction`, `body` in base64. */
async function runS3ec(input: Uint8Array): Promise<void> {
  let given: unknown
  try {
    given = JSON.parse(textOf(input))
  } catch {
    // Half of the inputs are for the reader of instruction files, which takes any text.
    await throwsOnly(S3ecError, () => void parseInstruction(textOf(input)))
    return
  }
  const { metadata, instruction, body } = Object(given) as Readonly<Record<string, unknown>>
  const said = textsOf(metadata)
  whereKeyIs(said)
  await throwsOnly(S3ecError, () => sealingOf(said, textsOf(instruction)))
  await throwsOnly(MailboxError, () =>
    openObject(
      {
        body: octets(typeof body === 'string' ? body : ''),
        metadata: said,
        ...(typeof instruction === 'object' && { instruction: textsOf(instruction) }),
      },
      { keys: [naclKey(new Uint8Array(32).fill(7))], legacy: true },
    ),
  )
}

/** S3 gives texts, whatever stands there. */
function textsOf(value: unknown): Record<string, string> {
  const entries = Object.entries(Object(value) as object)
  return Object.fromEntries(entries.map(([name, each]) => [name, String(each).slice(0, 4096)]))
}

async function runKeys(input: Uint8Array): Promise<void> {
  const text = textOf(input)
  const key = await throwsOnly(UserError, () => parsePublicKey(text))
  if (key !== undefined) {
    const again = parsePublicKey(formatPublicKey(key))
    holds(Buffer.from(again).equals(key), 'a key that is written and read again is the same')
  }
  await throwsOnly(UserError, () => parseSecretKey(text))
  await throwsOnly(UserError, () => parseRsaPublicKey(text))
  await throwsOnly(Error, () => parseRsaPrivateKey(text))
  await throwsOnly(UserError, () => parseAesKey(input))
}

const clientWords = [
  ...[
    '"x-amz-3"',
    '"x-amz-c"',
    '"x-amz-w"',
    '"x-amz-d"',
    '"x-amz-i"',
    '"x-amz-t"',
    '"x-amz-m"',
    '"x-amz-key-v2"',
  ],
  ...[
    '"x-amz-key"',
    '"x-amz-iv"',
    '"x-amz-cek-alg"',
    '"x-amz-tag-len"',
    '"x-amz-wrap-alg"',
    '"x-amz-matdesc"',
  ],
  ...[
    '"115"',
    '"AES/GCM/NoPadding"',
    '"kms+context"',
    '"02"',
    '"12"',
    '"22"',
    '"128"',
    '"{}"',
    '"{\\"a\\":1}"',
  ],
  ...[
    '"metadata":',
    '"instruction":',
    '"body":',
    'AAAA',
    '====',
    '{',
    '}',
    ',',
    ':',
    '"__proto__":',
  ],
]

export const targets: readonly Target[] = [
  {
    name: 'envelope',
    seeds: envelopes.vectors.flatMap(({ sealed }) =>
      sealed !== undefined && sealed.length < 3000 ? [octets(sealed)] : [],
    ),
    tokens: ['PSTRNBX\x01', 'PSTRNBX\x02', '\0', '\0\0', '\0\x01', '\0@', '\xff\xff'],
    run: runEnvelope,
    maxBytes: 8192,
  },
  {
    name: 's3-encryption-client',
    seeds: ofClients.vectors
      .filter(({ body }) => body.length < 1000)
      .map((each) => Buffer.from(JSON.stringify(each))),
    tokens: clientWords,
    run: runS3ec,
  },
  {
    name: 'key-files',
    seeds: [
      ...octetsOf(
        `postern-nacl-public-key ${Buffer.alloc(32, 9).toString('base64')}\n`,
        `postern-nacl-secret-key ${Buffer.alloc(32, 7).toString('base64')}\n`,
        ofClients.rsaPrivateKeyPem,
      ),
      Buffer.alloc(32, 5),
    ],
    tokens: [
      'postern-nacl-public-key ',
      'postern-nacl-secret-key ',
      '-----BEGIN PRIVATE KEY-----\n',
      '-----END PRIVATE KEY-----',
      '-----BEGIN PUBLIC KEY-----',
      '-----BEGIN CERTIFICATE-----',
      '=',
      'A',
      '\n',
      '\0',
    ],
    run: runKeys,
    // A person's own files, which no stranger writes.
    maxBytes: 16 * 1024,
  },
]
