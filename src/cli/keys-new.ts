/** Makes a key pair as two files. Never overwrites; a failure leaves no file of its own behind. */
import { generateKeyPairSync } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { keyName } from '../config/values.ts'
import { errorCode, UserError } from '../errors.ts'
import { keyId } from '../seal/envelope.ts'
import { formatPublicKey, formatSecretKey, newKeyPair } from '../seal/keys.ts'
import { rsaKeyId } from '../seal/s3ec/server-keys.ts'
import { printable } from './context.ts'

/** What to print: where the files are, what to do with them, the lines for postern.yaml. */
export function makeKeyFiles(
  name: string,
  { type, dir }: { readonly type: string; readonly dir: string },
): string[] {
  const make = makerOf(type)
  if (!keyName.safeParse(name).success) {
    throw new UserError(`${printable(name)} is no name of a key: 1 to 64 of a-z, 0-9 and - are.`)
  }
  const secret = resolve(join(dir, `${name}.key`))
  const open = resolve(join(dir, `${name}.pub`))
  const pair = make(name)
  makeFolder(dir)
  writeNew(secret, pair.secretText, 0o600)
  try {
    writeNew(open, pair.publicText, 0o644)
  } catch (error) {
    // Made a moment ago, and nothing was sealed to it.
    rmSync(secret, { force: true })
    throw error
  }
  return [
    `Made the key ${name}, id ${pair.id}:`,
    `  ${printable(secret)}   opens mail: secret`,
    `  ${printable(open)}   seals mail: public`,
    '',
    'Keep the .key file off the server, which never needs it: it is for the machine that reads the mail.',
    'Back it up now, in a place that is not this one: without it nobody can ever open the mail again.',
    '',
    ...pair.about,
    'For postern.yaml on the server:',
    'keys:',
    `  ${name}: ${pair.option}`,
    'encryption:',
    `  default: key/${name}`,
  ]
}

type Made = {
  readonly id: string
  readonly secretText: string
  readonly publicText: string
  /** What else there is to say, with the empty line behind it. */
  readonly about: readonly string[]
  /** The key as it is written in postern.yaml. */
  readonly option: string
}

/** NIST SP 800-57 part 1, table 2: 128 bits of security, beyond 2030. */
const RSA_BITS = 3072

const makers: Readonly<Record<string, (name: string) => Made>> = {
  nacl() {
    const pair = newKeyPair()
    const base64 = Buffer.from(pair.publicKey).toString('base64')
    return {
      id: Buffer.from(keyId(pair.publicKey)).toString('hex'),
      secretText: formatSecretKey(pair.secretKey),
      publicText: formatPublicKey(pair.publicKey),
      about: [],
      option: `{ type: nacl, publicKey: "${base64}" }`,
    }
  },
  rsa(name) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
    return {
      id: rsaKeyId(publicKey),
      secretText: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      publicText: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      about: [
        "Readers open it with the SDK, or with Amazon's S3 encryption clients for RSA keys.",
        `Copy ${name}.pub to the server, beside postern.yaml.`,
        '',
      ],
      option: `{ type: rsa, publicKey: ./${name}.pub }`,
    }
  },
}

function makerOf(type: string): (name: string) => Made {
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined
  if (make !== undefined) return make
  if (type === 'aes') {
    throw new UserError(
      'An AES key is no pair, and whoever has it opens the mail, the server too: "openssl rand -out FILE 32 && chmod 600 FILE" makes one; rsa and nacl are better.',
    )
  }
  if (type === 'kms') {
    throw new UserError(
      'A key of type kms is made in AWS KMS: "aws kms create-key" does it; name its ARN in postern.yaml.',
    )
  }
  throw new UserError(`${printable(type)} is no type of key that is made here: nacl and rsa are.`)
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
