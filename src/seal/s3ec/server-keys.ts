/**
 * The keys of a server that seals for S3 Encryption Clients, from the text or the octets of their files.
 * Node only. No error repeats a key.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { UserError } from '../../errors.ts'

/** Below is too weak; above fills S3's 2 KB of metadata. */
const [LEAST_BITS, MOST_BITS] = [2048, 4096]

/** An RSA public key in PEM (RFC 7468). Throws UserError; a private key is refused. */
export function parseRsaPublicKey(text: string): KeyObject {
  // Node makes the public key of a private one, which must not be here at all.
  if (/PRIVATE KEY-----/.test(text)) {
    throw new UserError(
      'This is a private key where a public one belongs: name the public key here, and keep the private one off this machine.',
    )
  }
  const key = publicKeyOf(text)
  const bits = key?.asymmetricKeyDetails?.modulusLength ?? 0
  if (key === undefined || key.asymmetricKeyType !== 'rsa') {
    throw new UserError(
      'This is not an RSA public key in PEM: it should begin with "-----BEGIN PUBLIC KEY-----".',
    )
  }
  if (bits >= LEAST_BITS && bits <= MOST_BITS) return key
  throw new UserError(
    `This RSA key has ${bits} bits: take one of ${LEAST_BITS} to ${MOST_BITS}, "postern keys new NAME --type rsa" makes one.`,
  )
}

function publicKeyOf(text: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: text, format: 'pem' })
  } catch {
    return undefined
  }
}

/** By which people tell RSA keys apart: 32 hex digits of the SHA-256 of its SubjectPublicKeyInfo. */
export function rsaKeyId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex').slice(0, 32)
}

/** An AES key: the octets of its file. Throws UserError. */
export function parseAesKey(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  if ([16, 24, 32].includes(octets.length)) return new Uint8Array(octets)
  throw new UserError(
    `An AES key is a file of 16, 24 or 32 octets, and this one has ${octets.length}: "openssl rand -out FILE 32" makes one.`,
  )
}
