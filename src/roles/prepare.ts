/**
 * What a first start makes in dataDir: the directory itself, the embedded key pair, a self-signed
 * certificate. A later start finds them. Each failure is one sentence with its remedy.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config/options.ts'
import { errorCode, UserError } from '../errors.ts'

/** Where things are in dataDir. */
export function places(dataDir: string) {
  return {
    publicKey: join(dataDir, 'keys', 'main.pub'),
    secretKey: join(dataDir, 'keys', 'main.key'),
    certificate: join(dataDir, 'tls', 'self-signed.crt'),
    certificateKey: join(dataDir, 'tls', 'self-signed.key'),
    haraka: join(dataDir, 'haraka'),
    /** Bounce messages on their way out, a directory for each worker. */
    outbound: join(dataDir, 'outbound'),
    redis: join(dataDir, 'redis'),
    clamd: join(dataDir, 'clamd'),
    lock: join(dataDir, 'serve.pid'),
    rulesInForce: join(dataDir, 'rules-in-force.json'),
    /** See queue-owner.ts. */
    nodeId: join(dataDir, 'node-id'),
  } as const
}

/** Whether S3 actions may use the pair in dataDir: `main` is wanted and not configured. */
export function usesEmbeddedKey({ encryption, keys, resources }: Config): boolean {
  if (Object.hasOwn(keys, 'main')) return false
  const named = [...Object.values(resources.keys).flat(), ...[encryption.default].flat()]
  return named.includes('main') || named.includes('key/main')
}

/** Makes what is missing. Throws `UserError` when dataDir can't be used. */
export async function prepare(config: Config): Promise<{ readonly madeKey: boolean }> {
  usableDirectory(config.dataDir)
  oneDisk(config.dataDir)
  const madeKey = usesEmbeddedKey(config) && (await makeKeyPair(config.dataDir))
  if (config.smtp.tls === undefined) await makeCertificate(config)
  return { madeKey }
}

function usableDirectory(dataDir: string): void {
  try {
    makeDirectory(dataDir)
    // The dot: of a regular file there is none.
    accessSync(`${dataDir}/.`, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new UserError(
      `dataDir ${dataDir} can't be written by user ${process.getuid?.() ?? '?'} (${errorCode(error)}): chown it to that user, or set another dataDir in postern.yaml.`,
    )
  }
}

/** Entries are moved to the dead letters by a rename, which stays on one disk: else they would never get there. */
function oneDisk(dataDir: string): void {
  const places = ['spool', 'dead'].map((name) => join(dataDir, name))
  const disks = places.map((place) => statSync(place, { throwIfNoEntry: false })?.dev)
  if (new Set(disks.filter((each) => each !== undefined)).size < 2) return
  throw new UserError(
    `${places.join(' and ')} are on two disks, between which no message can be moved in one step: mount one disk on ${dataDir}.`,
  )
}

/** Node 24: `recursive` tries for ever where the kernel says ENOENT of a parent that is there, as /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
    // Mail is no safer than the directory that it is in.
    const parent = openSync(dirname(path), 'r')
    fsyncSync(parent)
    closeSync(parent)
  } catch (error) {
    // Another role has made it meanwhile.
    if (errorCode(error) !== 'EEXIST') throw error
  }
}

async function makeKeyPair(dataDir: string): Promise<boolean> {
  const { publicKey, secretKey } = places(dataDir)
  if (existsSync(publicKey)) return false
  // Loaded once in a node's life, as what makes the certificate.
  const { formatPublicKey, formatSecretKey, newKeyPair } = await import('../seal/keys.ts')
  const pair = newKeyPair()
  writePrivate(secretKey, formatSecretKey(pair.secretKey))
  // Last, so that a start that is cut short makes a new pair rather than half of one.
  writePrivate(publicKey, formatPublicKey(pair.publicKey))
  return true
}

/** The certificate STARTTLS shows when none is configured: senders encrypt, and verify nothing. */
async function makeCertificate({ dataDir, hostname }: Config): Promise<void> {
  const { certificate, certificateKey } = places(dataDir)
  if (existsSync(certificate) && existsSync(certificateKey)) return
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: hostname }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 10 * 365 * 86_400_000),
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: hostname }] }],
  })
  writePrivate(certificateKey, made.private)
  writePrivate(certificate, made.cert)
}

function writePrivate(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
  writeFileSync(path, text, { mode: 0o600 })
}

/** The certificate and key that STARTTLS uses now, as PEM, and where they are. */
export function certificateOf({ dataDir, smtp }: Config) {
  const { certificate, certificateKey } = places(dataDir)
  const files = smtp.tls ?? { cert: certificate, key: certificateKey }
  return { files, cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
}
