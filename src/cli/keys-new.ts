/** Makes a key pair as two files. Never overwrites; a failure leaves no file of its own behind. */
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { keyName } from '../config/values.ts'
import { errorCode, UserError } from '../errors.ts'
import { keyId } from '../seal/envelope.ts'
import { formatPublicKey, formatSecretKey, newKeyPair } from '../seal/keys.ts'
import { printable } from './context.ts'

/** What to print: where the files are, what to do with them, the lines for postern.yaml. */
export function makeKeyFiles(
  name: string,
  { type, dir }: { readonly type: string; readonly dir: string },
): string[] {
  requireType(type)
  if (!keyName.safeParse(name).success) {
    throw new UserError(`${printable(name)} is no name of a key: 1 to 64 of a-z, 0-9 and - are.`)
  }
  const secret = resolve(join(dir, `${name}.key`))
  const open = resolve(join(dir, `${name}.pub`))
  const pair = newKeyPair()
  makeFolder(dir)
  writeNew(secret, formatSecretKey(pair.secretKey), 0o600)
  try {
    writeNew(open, formatPublicKey(pair.publicKey), 0o644)
  } catch (error) {
    // Made a moment ago, and nothing was sealed to it.
    rmSync(secret, { force: true })
    throw error
  }
  const base64 = Buffer.from(pair.publicKey).toString('base64')
  return [
    `Made the key ${name}, id ${Buffer.from(keyId(pair.publicKey)).toString('hex')}:`,
    `  ${printable(secret)}   opens mail: secret`,
    `  ${printable(open)}   seals mail: public`,
    '',
    'Keep the .key file off the server, which never needs it: it is for the machine that reads the mail.',
    'Back it up now, in a place that is not this one: without it nobody can ever open the mail again.',
    '',
    'For postern.yaml on the server:',
    'keys:',
    `  ${name}: { type: nacl, publicKey: "${base64}" }`,
    'encryption:',
    `  default: key/${name}`,
  ]
}

function requireType(type: string): void {
  if (type === 'nacl') return
  if (['rsa', 'aes', 'kms'].includes(type)) {
    throw new UserError(
      `Keys of type ${type} are not supported yet: this release seals to keys of type nacl only.`,
    )
  }
  throw new UserError(`${printable(type)} is no type of key: nacl is.`)
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new UserError(
      `The directory ${printable(dir)} cannot be made (${errorCode(error) ?? error}): name another with --dir.`,
    )
  }
}

/** On disk when it returns: the other half may be in use a moment later. */
function writeNew(path: string, text: string, mode: number): void {
  let file: number
  try {
    file = openSync(path, 'wx', mode)
  } catch (error) {
    throw new UserError(
      errorCode(error) === 'EEXIST'
        ? `${printable(path)} is there already, and a key is never overwritten: give another name, or another --dir.`
        : `${printable(path)} cannot be written (${errorCode(error) ?? error}): name another directory with --dir.`,
    )
  }
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
