/**
 * RSA private keys in PEM (RFC 7468), as Web Crypto wants them: PKCS #8 in DER. Pure; runs in
 * browsers. No error repeats a key.
 */
import { UserError } from '../../errors.ts'
import { fromBase64 } from '../base64.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** `SEQUENCE { rsaEncryption, NULL }`, RFC 8017 §A.1, behind the version of PKCS #8, RFC 5958 §2. */
const VERSION = [0x02, 0x01, 0x00]
const RSA = [
  0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
]

/** PKCS #8 in DER from `BEGIN PRIVATE KEY` or `BEGIN RSA PRIVATE KEY`. Throws UserError. */
export function parseRsaPrivateKey(text: string): Bytes {
  const match = /-----BEGIN ([A-Z ]+)-----\r?\n([\s\S]*?)-----END \1-----/.exec(text)
  const [, label = '', body = ''] = match ?? []
  const der = fromBase64(body.replace(/\s/g, ''))
  if (label === 'ENCRYPTED PRIVATE KEY' || body.includes('ENCRYPTED')) {
    throw new UserError(
      'This private key is protected by a passphrase: take that off with "openssl pkey -in FILE -out NEW", and keep NEW to yourself (chmod 600).',
    )
  }
  if (label.endsWith('PUBLIC KEY') || label === 'CERTIFICATE') {
    throw new UserError(
      'This is a public key where a private one belongs: opening mail takes that.',
    )
  }
  if (der === undefined || der.length === 0) throw notRsa()
  if (label === 'RSA PRIVATE KEY') {
    return element(0x30, [...VERSION, ...RSA, ...element(0x04, der)])
  }
  if (label !== 'PRIVATE KEY' || !includes(der.subarray(0, 40), RSA.slice(2, 13))) throw notRsa()
  return der
}

function notRsa(): UserError {
  return new UserError(
    'This is not an RSA private key in PEM: it should begin with "-----BEGIN PRIVATE KEY-----".',
  )
}

/** A DER element: tag, length, content (X.690 §8.1). */
function element(tag: number, content: Iterable<number>): Bytes {
  const bytes = [...content]
  const { length } = bytes
  const size = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.of(tag, ...size, ...bytes)
}

function includes(bytes: Uint8Array, part: readonly number[]): boolean {
  return bytes.some((_, at) => part.every((byte, index) => bytes[at + index] === byte))
}
