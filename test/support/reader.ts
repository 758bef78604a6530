/**
 * A program of somebody who reads mail with `postern/client`, the same wherever it runs: in Node, Deno,
 * Bun and a browser's page. It is given jobs and tells what it saw.
 */
import { S3Client } from '@aws-sdk/client-s3'
import {
  aesKey,
  dirStore,
  kmsKey,
  MailboxError,
  type MailKey,
  type Message,
  naclKey,
  openMailbox,
  openMessage,
  openObject,
  readKey,
  rsaKey,
  s3Store,
} from 'postern/client'

type Base64 = string

/** A secret key, such that it can be told in JSON. */
export type Secret =
  | { readonly nacl: Base64 }
  | { readonly rsa: string }
  | { readonly aes: Base64 }
  /** Stands for AWS KMS, which cannot run here: the data key that it would give. */
  | { readonly kms: Base64 }

type Names = Readonly<Record<string, string>>

export type Job =
  /** The content of an object, whatever it is. */
  | {
      readonly kind: 'object'
      readonly body: Base64
      readonly metadata?: Names
      readonly instruction?: Names
      readonly secret: Secret
    }
  /** All messages of a directory store. */
  | { readonly kind: 'directory'; readonly path: string; readonly keyFile: string }
  /** One message by a presigned URL. */
  | { readonly kind: 'url'; readonly url: string; readonly secret: Secret }
  /** All messages of a bucket. */
  | { readonly kind: 'bucket'; readonly bucket: BucketOf; readonly secret: Secret }

export type BucketOf = {
  readonly name: string
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type Seen = {
  readonly id?: string
  readonly subject?: string | undefined
  readonly size: number
  readonly sha256: string
  /** Names of the metadata that the store gave; nothing is compared with what is not there. */
  readonly metadata?: readonly string[]
}

export type Outcome =
  | { readonly seen: readonly Seen[] }
  | { readonly reason: string; readonly sentence: string }

export async function outcomeOf(job: Job): Promise<Outcome> {
  try {
    return { seen: await read(job) }
  } catch (error) {
    const { message } = error as Error
    return { reason: error instanceof MailboxError ? error.reason : 'another', sentence: message }
  }
}

async function read(job: Job): Promise<Seen[]> {
  switch (job.kind) {
    case 'object': {
      const { kind: _, secret, body, ...beside } = job
      const keys = [keyOf(secret)]
      const content = await openObject({ body: bytesOf(body), ...beside }, { keys, legacy: true })
      return [{ size: content.length, sha256: await sha256(content) }]
    }
    case 'directory':
      return readAll(dirStore(job.path), await readKey(job.keyFile))
    case 'url':
      return [await readUrl(job.url, keyOf(job.secret))]
    case 'bucket':
      return readAll(storeOf(job.bucket), keyOf(job.secret))
  }
}

async function readUrl(url: string, key: MailKey): Promise<Seen> {
  const response = await fetch(url)
  if (!response.ok || response.body === null)
    throw new Error(`the store answered ${response.status}`)
  const metadata = Object.fromEntries(response.headers)
  const message = await openMessage({ body: response.body, metadata }, { keys: [key] })
  const names = Object.keys(metadata).filter((name) => name.startsWith('x-amz-meta-'))
  return { ...(await seen(message)), metadata: names.sort() }
}

async function readAll(store: ReturnType<typeof s3Store>, key: MailKey): Promise<Seen[]> {
  const mailbox = openMailbox({ store, keys: [key] })
  const all: Seen[] = []
  for await (const item of mailbox.list()) {
    const metadata = Object.entries(item.verdicts).map(([name, verdict]) => `${name} ${verdict}`)
    all.push({ ...(await seen(await mailbox.get(item.key))), metadata })
  }
  return all
}

function keyOf(secret: Secret): MailKey {
  if ('nacl' in secret) return naclKey(bytesOf(secret.nacl))
  if ('rsa' in secret) return rsaKey(secret.rsa)
  if ('aes' in secret) return aesKey(bytesOf(secret.aes))
  return kmsKey(async () => bytesOf(secret.kms))
}

function storeOf({ name, endpoint, ...credentials }: BucketOf): ReturnType<typeof s3Store> {
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
  return s3Store({ client, bucket: name })
}

async function seen({ receipt, headers, original }: Message): Promise<Seen> {
  const subject = headers.get('subject')
  return { id: receipt.id, subject, size: original.length, sha256: await sha256(original) }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function bytesOf(base64: Base64): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
