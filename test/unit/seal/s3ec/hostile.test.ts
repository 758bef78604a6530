/** What was altered, cut, swapped, continued or relabelled is refused, each for its reason, before a byte is given out. */
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  aesKey,
  kmsKey,
  MailboxError,
  type MailKey,
  openObject,
  rsaKey,
} from '../../../../src/client/index.ts'
import { S3ecError } from '../../../../src/seal/s3ec/error.ts'
import { parseInstruction, sealingKeys, sealingOf } from '../../../../src/seal/s3ec/format.ts'
import { type SealingKey, sealS3ec } from '../../../../src/seal/s3ec/seal.ts'
import { aesSecret, once, rsaPem, rsaPublicKey } from './support.ts'

const plaintext = Buffer.from(`From: a@example.test\r\n\r\n${'body\r\n'.repeat(20)}`)
const dataKey = new Uint8Array(32).fill(7)
const encryptedKey = new Uint8Array(184).fill(9)

const kms = kmsKey(async () => dataKey.slice())
const keys: readonly MailKey[] = [rsaKey(rsaPem), aesKey(aesSecret), kms]

const sealingKeysOf = {
  rsa: { type: 'rsa', context: {}, publicKey: rsaPublicKey },
  aes: { type: 'aes', context: { team: 'ops' }, secret: aesSecret },
  kms: {
    type: 'kms',
    context: { team: 'ops' },
    generateDataKey: async () => ({ dataKey: dataKey.slice(), encryptedKey }),
  },
} as const

type Sealed = { readonly body: Buffer; readonly metadata: Readonly<Record<string, string>> }

async function sealed(type: keyof typeof sealingKeysOf, version: 'v3' | 'v2'): Promise<Sealed> {
  const key: SealingKey = { ...sealingKeysOf[type], version }
  const { metadata, body } = await sealS3ec(once(plaintext), key, { length: plaintext.length })
  return { metadata, body: Buffer.concat(await Array.fromAsync(body)) }
}

const kinds = (['v3', 'v2'] as const).flatMap((version) =>
  (['rsa', 'aes', 'kms'] as const).map((type) => [version, type] as const),
)

const samples = new Map<string, Sealed>()
beforeAll(async () => {
  for (const [version, type] of kinds)
    samples.set(`${version} ${type}`, await sealed(type, version))
})
function sample(version: string, type: string): Sealed {
  const found = samples.get(`${version} ${type}`)
  if (found === undefined) throw new Error(`there is no sample ${version} ${type}`)
  return found
}

/** The class that refuses it; opening anything but the plaintext fails the test. */
async function refusal({ body, metadata }: Sealed, by = keys): Promise<string> {
  try {
    const opened = await openObject({ body, metadata }, { keys: by, legacy: true })
    expect(Buffer.from(opened).equals(plaintext)).toBe(true)
    return 'opened'
  } catch (error) {
    if (error instanceof MailboxError) return error.name
    throw error
  }
}

describe.for(kinds)('%s by %s', ([version, type]) => {
  const own = () => sample(version, type)

  test('is opened as it is', async () => {
    expect(await refusal(own())).toBe('opened')
  })

  test('one bit altered anywhere in the body is refused', async () => {
    const { body } = own()
    const bit = fc.integer({ min: 0, max: 8 * body.length - 1 })
    await fc.assert(
      fc.asyncProperty(bit, async (at) => {
        const altered = Buffer.from(body)
        altered[at >> 3] = (altered[at >> 3] ?? 0) ^ (1 << (at & 7))
        expect(await refusal({ ...own(), body: altered })).toBe('TamperedError')
      }),
    )
  })

  test('cut anywhere, or continued, is refused', async () => {
    const { body } = own()
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: body.length - 1 }), async (length) => {
        const expected = length < 16 ? 'TruncatedError' : 'TamperedError'
        expect(await refusal({ ...own(), body: body.subarray(0, length) })).toBe(expected)
      }),
    )
    const longer = Buffer.concat([body, Buffer.alloc(1)])
    expect(await refusal({ ...own(), body: longer })).toBe('TamperedError')
  })

  test('one character altered anywhere in the metadata never opens to anything else', async () => {
    const entries = Object.entries(own().metadata)
    const place = fc.nat(entries.length - 1)
    await fc.assert(
      fc.asyncProperty(
        place,
        fc.nat(),
        fc.constantFrom(...'A5/+="{} '),
        async (which, at, letter) => {
          const [name, value] = entries[which] ?? ['', '']
          const index = at % value.length
          const altered = value.slice(0, index) + letter + value.slice(index + 1)
          const outcome = await refusal({
            ...own(),
            metadata: { ...own().metadata, [name]: altered },
          })
          // The material description of a raw key binds nothing, KMS here does not look, a length is a hint.
          const loose = ['x-amz-m', 'x-amz-matdesc', 'x-amz-t', 'x-amz-unencrypted-content-length']
          const free =
            altered === value || loose.includes(name) || (type === 'kms' && /key-v2|-3$/.test(name))
          if (!free) expect(outcome).not.toBe('opened')
        },
      ),
    )
  })

  test('metadata that is left out is told by its name, or found in no instruction file', async () => {
    const needed = Object.keys(own().metadata).filter(
      (name) => !/x-amz-(m|matdesc|tag-len|unencrypted-content-length)$/.test(name),
    )
    for (const name of needed) {
      const { [name]: _, ...rest } = own().metadata
      const outcome = await refusal({ ...own(), metadata: rest })
      expect(['BadMetadataError', 'NoInstructionError', 'NotPosternError']).toContain(outcome)
    }
  })

  test('metadata of another object is refused', async () => {
    const other = await sealed(type, version)
    if (type === 'kms' && version === 'v2') {
      // One data key for both here: the IV alone tells them apart.
      expect(await refusal({ ...own(), metadata: other.metadata })).toBe('TamperedError')
      return
    }
    const outcome = await refusal({ ...own(), metadata: other.metadata })
    expect(outcome).toBe('TamperedError')
  })

  test('an array or a text where the pairs stand is refused, absent pairs are empty', async () => {
    const name = Object.keys(own().metadata).find((each) => /-(m|t|matdesc)$/.test(each)) ?? ''
    for (const value of ['[]', '"x"', '{"a":1}', '{', 'null']) {
      const metadata = { ...own().metadata, [name]: value }
      expect(await refusal({ ...own(), metadata })).toBe('BadMetadataError')
    }
  })
})

const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherPem = otherRsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const throwing = (name: string) =>
  kmsKey(async () => {
    throw Object.assign(new Error(`${name} of a test`), { name })
  })

const refusals: readonly (readonly [
  why: string,
  version: 'v3' | 'v2',
  type: 'rsa' | 'aes' | 'kms',
  change: Readonly<Record<string, string>>,
  by: readonly MailKey[],
  expected: string,
])[] = [
  ['no key at all', 'v3', 'rsa', {}, [], 'WrongKeyError'],
  ['another RSA key', 'v3', 'rsa', {}, [rsaKey(otherPem)], 'WrongKeyError'],
  ['a key of another kind', 'v2', 'rsa', {}, [aesKey(aesSecret), kms], 'WrongKeyError'],
  ['another AES key', 'v3', 'aes', {}, [aesKey(new Uint8Array(32))], 'WrongKeyError'],
  ['a KMS that cannot', 'v3', 'kms', {}, [throwing('IncorrectKeyException')], 'WrongKeyError'],
  ['a KMS that refuses', 'v3', 'kms', {}, [throwing('AccessDeniedException')], 'KmsRefusedError'],
  [
    'another context than the expected one',
    'v3',
    'kms',
    {},
    [kmsKey(async () => dataKey.slice(), { context: { team: 'sales' } })],
    'ContextMismatchError',
  ],
  [
    'a commitment to another key',
    'v3',
    'rsa',
    { 'x-amz-d': Buffer.alloc(28).toString('base64') },
    keys,
    'CommitmentMismatchError',
  ],
  ['two formats at once', 'v3', 'rsa', { 'x-amz-key-v2': 'AAAA' }, keys, 'BadMetadataError'],
  ['an unknown suite', 'v3', 'rsa', { 'x-amz-c': '116' }, keys, 'UnsupportedFormatError'],
  ['an unknown wrap', 'v2', 'aes', { 'x-amz-wrap-alg': 'ROT13' }, keys, 'UnsupportedFormatError'],
  ['a shorter tag', 'v2', 'aes', { 'x-amz-tag-len': '96' }, keys, 'UnsupportedFormatError'],
  [
    'GCM called CBC, which checks nothing',
    'v2',
    'aes',
    { 'x-amz-cek-alg': 'AES/CBC/PKCS5Padding', 'x-amz-iv': Buffer.alloc(16).toString('base64') },
    keys,
    'UnsupportedFormatError',
  ],
  ['a wrap for RSA called one for AES', 'v3', 'rsa', { 'x-amz-w': '02' }, keys, 'WrongKeyError'],
  [
    'a KMS data key of another length',
    'v2',
    'kms',
    {},
    [kmsKey(async () => new Uint8Array(16))],
    'BadMetadataError',
  ],
]

test.for(refusals)('%s is refused', async ([, version, type, change, by, expected]) => {
  const own = sample(version, type)
  expect(await refusal({ ...own, metadata: { ...own.metadata, ...change } }, by)).toBe(expected)
})

test('the context that is expected opens', async () => {
  const by = [kmsKey(async () => dataKey.slice(), { context: { team: 'ops' } })]
  expect(await refusal(sample('v3', 'kms'), by)).toBe('opened')
})

test('a KMS that is away for a moment is no verdict on the object', async () => {
  const { body, metadata } = sample('v3', 'kms')
  const opening = openObject({ body, metadata }, { keys: [throwing('ThrottlingException')] })
  await expect(opening).rejects.toThrow('ThrottlingException of a test')
  await expect(opening).rejects.not.toBeInstanceOf(MailboxError)
})

test('base64 that spells its bytes in a second way is refused: no client writes it', async () => {
  const own = sample('v3', 'kms')
  const commitment = own.metadata['x-amz-d'] ?? ''
  // 28 octets: of the last letter the lower four bits count for nothing.
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const next = letters[letters.indexOf(commitment.at(-3) ?? '') + 1] ?? ''
  const respelt = `${commitment.slice(0, -3)}${next}==`
  expect(Buffer.from(respelt, 'base64')).toEqual(Buffer.from(commitment, 'base64'))
  const metadata = { ...own.metadata, 'x-amz-d': respelt }
  expect(await refusal({ ...own, metadata })).toBe('BadMetadataError')
})

test('a v2 wrap is not taken for a v3 one, nor the other way', async () => {
  for (const type of ['rsa', 'aes'] as const) {
    const [v3, v2] = [sample('v3', type).metadata, sample('v2', type).metadata]
    const crossed = [
      { ...sample('v3', type), metadata: { ...v3, 'x-amz-3': v2['x-amz-key-v2'] ?? '' } },
      { ...sample('v2', type), metadata: { ...v2, 'x-amz-key-v2': v3['x-amz-3'] ?? '' } },
    ]
    for (const object of crossed) {
      expect(['CommitmentMismatchError', 'WrongKeyError']).toContain(await refusal(object))
    }
  }
})

test('what commits an object to its key is taken from the object, never from a file beside it', () => {
  const { metadata } = sample('v3', 'rsa')
  const { 'x-amz-d': d, 'x-amz-i': _, 'x-amz-c': c, ...rest } = metadata
  const forged = {
    ...rest,
    'x-amz-d': d ?? '',
    'x-amz-i': metadata['x-amz-i'] ?? '',
    'x-amz-c': c ?? '',
  }
  expect(() => sealingOf({}, forged)).toThrow(S3ecError)
  expect(
    sealingOf(
      { 'x-amz-c': c ?? '', 'x-amz-d': d ?? '', 'x-amz-i': metadata['x-amz-i'] ?? '' },
      rest,
    ),
  ).toMatchObject({ version: 'v3' })
})

const anyValue = fc.oneof(
  fc.string(),
  fc.constantFrom('115', '02', '12', '22', '{}', 'AES/GCM/NoPadding', 'kms', 'kms+context', '128'),
  fc.base64String(),
  fc.json(),
)

test('any metadata and any instruction file are read or refused, never anything else', () => {
  const metadata = fc.dictionary(
    fc.constantFrom(...sealingKeys, 'postern-id', '__proto__'),
    anyValue,
  )
  fc.assert(
    fc.property(metadata, fc.option(metadata, { nil: undefined }), (one, other) => {
      try {
        sealingOf(one, other)
      } catch (error) {
        expect(error).toBeInstanceOf(S3ecError)
      }
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      try {
        parseInstruction(text)
      } catch (error) {
        expect(error).toBeInstanceOf(S3ecError)
      }
    }),
  )
})
