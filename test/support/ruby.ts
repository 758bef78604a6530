/**
 * Amazon's S3 Encryption Clients for Ruby, as Debian has them (aws-sdk-s3 1.117.2): another
 * implementation than ours, which writes and opens objects of a real store.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export type RubyPlace = {
  readonly endpoint: string
  readonly region?: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type RubyTask = {
  /** `V1`: Encryption::Client, which writes v1 and reads all. `V2`: EncryptionV2::Client. */
  readonly client: 'V1' | 'V2'
  /** `rsa`: PEM. `aes`: base64. `kms`: id or ARN. */
  readonly key: { readonly rsa: string } | { readonly aes: string } | { readonly kms: string }
  readonly bucket: string
  readonly object: string
  /** The caller's own pairs of KMS's encryption context; of V2 only. */
  readonly context?: Readonly<Record<string, string>>
  /** The key of the content goes to, or is looked for first in, `object`.instruction. */
  readonly instruction?: boolean
  /** Whether V2 reads what V1 wrote. */
  readonly legacy?: boolean
  /** To put so many random octets. Absent: to get. */
  readonly size?: number
}

/** What was put or came out; of a task that failed, the error's class and message. */
export type RubyResult = {
  readonly sha256?: string
  readonly length?: number
  readonly error?: string
  readonly message?: string
}

/** All tasks in order by one process, since Ruby takes a second to start; a result for each. */
export async function byRuby(
  places: { readonly s3: RubyPlace; readonly kms?: RubyPlace },
  tasks: readonly RubyTask[],
): Promise<readonly RubyResult[]> {
  const child = spawn('/usr/bin/ruby', [join(import.meta.dirname, 's3ec.rb')])
  const ended = once(child, 'close')
  child.stdin.end(JSON.stringify({ ...places, tasks }))
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await ended
  const lines = output.split('\n').filter((line) => line !== '')
  if (code !== 0 || lines.length !== tasks.length)
    throw new Error(`ruby ended with ${code}: ${errors}`)
  return lines.map((line) => JSON.parse(line) as RubyResult)
}
