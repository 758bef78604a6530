/** The keys of the double of AWS KMS (kms.ts), and ciphertexts that belong to one key and one context. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

export type Context = Readonly<Record<string, string>>
export type Key = {
  readonly arn: string
  readonly names: readonly string[]
  readonly secret: Buffer
}

// As of KMS, a data key of 32 octets makes a ciphertext of 184 that begins with AQIDAH in base64.
const prefix = 5 + 32
const header = prefix + 87 + 12
const tagLength = 16

export function newKey(region: string, alias: string): Key {
  const id = crypto.randomUUID()
  const account = `arn:aws:kms:${region}:123456789012`
  const arn = `${account}:key/${id}`
  return { arn, names: [arn, id, alias, `${account}:${alias}`], secret: randomBytes(32) }
}

function prefixOf({ arn }: Key): Buffer {
  return Buffer.concat([Buffer.from([1, 2, 3, 0, 0x78]), createHash('sha256').update(arn).digest()])
}

/** Whether the ciphertext says so; that it is one is seen when it is decrypted. */
export function isOf(key: Key, blob: Buffer): boolean {
  return blob.subarray(0, prefix).equals(prefixOf(key))
}

function associated(head: Buffer, context: Context = {}): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.concat([head, Buffer.from(JSON.stringify(pairs))])
}

export function encrypted(key: Key, plaintext: Buffer, context: Context | undefined): string {
  const head = Buffer.concat([prefixOf(key), randomBytes(header - prefix)])
  const cipher = createCipheriv('aes-256-gcm', key.secret, head.subarray(-12))
  cipher.setAAD(associated(head, context))
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([head, body, cipher.getAuthTag()]).toString('base64')
}

export function decrypted(
  key: Key,
  blob: Buffer,
  context: Context | undefined,
): Buffer | undefined {
  if (blob.length <= header + tagLength) return undefined
  const head = blob.subarray(0, header)
  const decipher = createDecipheriv('aes-256-gcm', key.secret, head.subarray(-12))
  decipher.setAAD(associated(head, context)).setAuthTag(blob.subarray(-tagLength))
  const plaintext = decipher.update(blob.subarray(header, -tagLength))
  try {
    decipher.final()
    return plaintext
  } catch {
    return undefined
  }
}
