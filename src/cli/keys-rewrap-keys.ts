/** The keys that `postern keys rewrap` is told: the old one, the new one, and those that others hold. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { MailKey } from '../client/index.ts'
import type { Config } from '../config/options.ts'
import { errorCode, UserError } from '../errors.ts'
import type { NewKey } from '../rewrap/change.ts'
import { type DataKeySource, kmsDataKeys } from '../roles/kms.ts'
import { s3ecKeyOf } from '../roles/sealers.ts'
import { keyConfig, keyNames, readSealingKey } from '../roles/sealing-keys.ts'
import { keyId, type PublicKey } from '../seal/envelope.ts'
import { parsePublicKey } from '../seal/keys.ts'
import { parseRsaPublicKey, rsaKeyId } from '../seal/s3ec/server-keys.ts'
import { printable } from './context.ts'

/** A source of data keys is to be closed after use. */
export type ToKey = { readonly key: NewKey; readonly close: () => void }

/** The key of that name in the configuration, or in that file. Throws UserError. */
export function toKey(config: Config, named: string): ToKey {
  if (!keyNames(config).includes(named)) return { key: keyInFile(named), close: () => {} }
  const read = readSealingKey(config, named)
  if (read.type === 'nacl') return { key: read, close: () => {} }
  const sources: DataKeySource[] = []
  const key = s3ecKeyOf(keyConfig(config, named), read, (kms) => {
    const source = kmsDataKeys(kms)
    sources.push(source)
    return source
  })
  return {
    key: { type: 's3ec', key },
    close: () => {
      for (const each of sources) each.close()
    },
  }
}

/** Of a PEM file the format that a configured key would have: the newest. */
function keyInFile(path: string): NewKey {
  const text = publicText(path, '--to')
  return saying(path, () => {
    if (!text.includes('-----BEGIN ')) return naclOf(parsePublicKey(text))
    const publicKey = parseRsaPublicKey(text)
    return { type: 's3ec', key: { type: 'rsa', version: 'v3', context: {}, publicKey } }
  })
}

/**
 * Public keys of others by id: of the configuration and of these files. A key of the configuration that
 * cannot be read on this machine is not known here. Throws UserError for a file.
 */
export function knownKeys(config: Config, files: readonly string[]): Map<string, PublicKey> {
  const given = files.map((path) => {
    const text = publicText(path, '--also')
    return saying(path, () => naclOf(parsePublicKey(text)))
  })
  const configured = keyNames(config).flatMap((name) => {
    try {
      const read = readSealingKey(config, name)
      return read.type === 'nacl' ? [read] : []
    } catch (error) {
      if (error instanceof UserError) return []
      throw error
    }
  })
  return new Map([...configured, ...given].map(({ id, publicKey }) => [id, publicKey]))
}

/** Throws UserError when nothing would change, run after run. */
export function requireOther(from: MailKey, to: NewKey): void {
  if (sameKey(from, to)) throw new UserError('--from and --to are the same key: name another.')
}

function sameKey(from: MailKey, to: NewKey): boolean {
  if (from.type === 'nacl') return to.type === 'nacl' && to.id === from.id
  if (to.type === 'nacl' || to.key.type !== from.type) return false
  if (from.type === 'aes' && to.key.type === 'aes')
    return Buffer.compare(from.secret, to.key.secret) === 0
  if (from.type !== 'rsa' || to.key.type !== 'rsa') return false
  const { secret } = from
  const privateKey =
    secret instanceof Uint8Array
      ? createPrivateKey({ key: Buffer.from(secret), format: 'der', type: 'pkcs8' })
      : createPrivateKey({ key: secret, format: 'jwk' })
  return rsaKeyId(createPublicKey(privateKey)) === rsaKeyId(to.key.publicKey)
}

function naclOf(publicKey: PublicKey) {
  return { type: 'nacl', id: Buffer.from(keyId(publicKey)).toString('hex'), publicKey } as const
}

function publicText(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' && option === '--to') {
      throw new UserError(
        `--to: there is no key ${printable(path)} in the configuration and no file of that name: postern keys list shows the keys, a .pub file does, too.`,
      )
    }
    throw new UserError(`${option}: ${printable(path)} cannot be read (${code ?? error}).`)
  }
}

function saying<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${printable(path)}: ${error.message}`)
    throw error
  }
}
