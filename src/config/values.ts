/**
 * The kinds of value an option can have. Each refuses with one clause that says what is allowed;
 * none repeats a text it was given, since that text may be a secret that stands in the wrong place.
 * Pure: reads nothing.
 */
import { z } from 'zod'
import {
  isClamd,
  isDnsblAnswer,
  isDnsServer,
  isDomainName,
  isFilled,
  isHttpUrl,
  isNetwork,
  isPublicKey,
  isRedisUrl,
  parseListen,
} from './texts.ts'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

/** A whole number with its limits. NaN, infinities and digits in quotes are refused like any other type. */
export function integer(preset: number, min: number, max: number, doc: string) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error }).default(preset).describe(doc)
}

/** A spam score. */
export function score(preset: number, doc: string) {
  const error = 'must be a number from -1000 to 1000'
  return z
    .number({ error })
    .min(-1000, { error })
    .max(1000, { error })
    .default(preset)
    .describe(doc)
}

/** One word of a closed list. */
export function choice<const Word extends string>(
  words: readonly Word[],
  preset: NoInfer<Word>,
  doc: string,
) {
  const error = `must be one of ${words.join(', ')}`
  return z.enum(words, { error }).default(preset).describe(doc)
}

/** A text that `accepts` takes; `allowed` completes "must be …", `title` names it in the tables. */
export function text(title: string, accepts: (value: string) => boolean, allowed: string) {
  const error = `must be ${allowed}`
  return z.string({ error }).refine(accepts, { error }).meta({ title })
}

export const domainName = text(
  'domain name',
  isDomainName,
  'a domain name: letters, digits and "-" between dots (xn--… for others)',
)
export const listenAddress = text(
  'host:port',
  (value) => parseListen(value) !== undefined,
  'host:port or [IPv6]:port with a port from 0 to 65535',
)
export const dnsServer = text('address', isDnsServer, 'an IP address, ip:port or [IPv6]:port')
export const network = text(
  'network',
  isNetwork,
  'an IP address or a network: 192.0.2.1, 192.0.2.0/24, 2001:db8::/32',
)
export const dnsblAnswer = text(
  'answer',
  isDnsblAnswer,
  'an address in 127/8, the last number may be a range: 127.0.0.2-11',
)
export const clamd = text('address', isClamd, 'auto, off, unix:/path of the socket, or host:port')
export const path = text('path', isFilled, 'the path of a file or directory')
export const httpUrl = text(
  'URL',
  isHttpUrl,
  'an http:// or https:// URL without a user or a query',
)
export const rspamd = text(
  'URL',
  (value) => value === 'off' || isHttpUrl(value),
  'off, or the http:// or https:// URL of an rspamd worker, without a user or a query',
)
export const redisUrl = text(
  'text',
  isRedisUrl,
  'embedded, redis://…, rediss://…, unix:/path, or an object with sentinels or cluster',
)
export const publicKey = text(
  'base64 or path',
  isPublicKey,
  'a public key (32 octets in base64) or the path of a .pub file',
)
export const publicKeyPem = text(
  'path',
  (value) => /\.(?:pem|pub)$/.test(value) && isFilled(value),
  'the path of a .pem or .pub file that holds the public key in PEM',
)
export const kmsArn = text(
  'ARN',
  (value) => /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/\S+$/.test(value),
  'the ARN of a KMS key or alias, arn:aws:kms:REGION:ACCOUNT:key/ID',
)
export const filled = text('text', isFilled, 'a text that is not empty')

/** The names a key can have: they are parts of `key/NAME` and of file names. */
export const keyName = text(
  'key name',
  (value) => /^[a-z0-9-]{1,64}$/.test(value),
  'a key name: 1 to 64 of a-z, 0-9 and -',
)

export const keyReference = text('key', (value) => /^key\/[a-z0-9-]{1,64}$/.test(value), 'key/NAME')

/** A name of passwd(5) or group(5). Root would make the option mean nothing. */
export const account = text(
  'name',
  (value) => /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(value) && value !== 'root',
  'the name of a user or group of this machine, not root',
)

export const nodeName = text(
  'name',
  (value) => /^[A-Za-z0-9.-]{1,253}$/.test(value),
  'a name of A-Z, a-z, 0-9, "." and "-"',
)

/** S3's own rule for names; a directory store makes a directory of it, so no slash and no leading dot. */
export const bucketName = text(
  'bucket name',
  (value) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value),
  'a bucket name: 3 to 63 of a-z, 0-9, "." and "-"',
)
export const arn = text('ARN', (value) => /^arn:\S+$/.test(value), 'an ARN, arn:…')

/** S3 keeps 2 KB of metadata in all, and of that ASCII only; AWS reserves names that begin with `aws:`. */
const PAIRS_OCTETS = 400

const pairName = text(
  'text',
  (value) => /^[\x21-\x7e]{1,100}$/.test(value) && !value.startsWith('aws:'),
  'a name of 1 to 100 visible US-ASCII characters that does not begin with aws:',
)
const pairValue = text(
  'text',
  (value) => /^[\x20-\x7e]{1,200}$/.test(value),
  '1 to 200 printable US-ASCII characters',
)

export const pairs = z
  .record(pairName, pairValue)
  .refine((value) => JSON.stringify(value).length <= PAIRS_OCTETS, {
    error: `must be no more than ${PAIRS_OCTETS} octets as JSON`,
  })
