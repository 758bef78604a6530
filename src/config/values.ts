/**
 * The kinds of value an option can have. Each refuses with one clause that says what is allowed;
 * none repeats a text it was given, since that text may be a secret that stands in the wrong place.
 * Pure: reads nothing.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'

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

/** RFC 1123 §2.1; a last label of digits only would make an address of it (RFC 3696 §2). */
export function isDomainName(value: string): boolean {
  const labels = value.split('.')
  const wellFormed = labels.every((each) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(each))
  return wellFormed && value.length <= 253 && !/^\d+$/.test(labels.at(-1) ?? '')
}

export type Listen = { readonly host: string; readonly port: number }

/** Takes `host:port` or `[IPv6]:port` apart; `undefined` when it is neither. */
export function parseListen(value: string): Listen | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value)
  if (match === null) return undefined
  const [, v6, name, digits] = match
  const port = Number(digits)
  if (port > 65535) return undefined
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6, port } : undefined
  const host = name ?? ''
  return isIPv4(host) || isDomainName(host) ? { host, port } : undefined
}

function isDnsServer(value: string): boolean {
  if (isIP(value) !== 0) return true
  const parsed = parseListen(value)
  return parsed !== undefined && isIP(parsed.host) !== 0 && parsed.port > 0
}

/** The scheme and nothing but an origin and a path: a user or a password in it would end up in logs. */
function isHttpUrl(value: string): boolean {
  const url = URL.parse(value)
  // The parser strips white space; what reads the text later may not.
  if (url === null || !/^https?:\/\/\S+$/i.test(value)) return false
  return url.username === '' && url.password === '' && url.search === '' && url.hash === ''
}

function isRedisUrl(value: string): boolean {
  if (value === 'embedded' || /^unix:\/./.test(value)) return true
  const url = URL.parse(value)
  if (url === null || !/^rediss?:\/\/\S+$/i.test(value)) return false
  // ioredis 5 takes options, the password among them, from the query: one way to say a thing is enough.
  return url.hostname !== '' && url.search === '' && url.hash === ''
}

/** `127.0.0.2`, or a range of the last number, `127.0.0.2-11`. RFC 5782 §2.1 keeps answers in 127/8. */
function isDnsblAnswer(value: string): boolean {
  const match = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3})(?:-(\d{1,3}))?$/.exec(value)
  if (match?.[1] === undefined || !isIPv4(match[1])) return false
  const first = Number(match[1].split('.')[3])
  const last = match[2] === undefined ? first : Number(match[2])
  return first <= last && last <= 255
}

function isClamd(value: string): boolean {
  if (value === 'auto' || value === 'off' || /^unix:\/[^\0]+$/.test(value)) return true
  return (parseListen(value)?.port ?? 0) > 0
}

/** An address, or one with the length of its prefix behind a slash. */
function isNetwork(value: string): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(value) ?? []
  // A zone id, or an IPv4 address in IPv6, which clients are never known by.
  const family = /%|:.*\.|^::ffff:/i.test(address) ? 0 : isIP(address)
  return family !== 0 && Number(prefix ?? 0) <= (family === 4 ? 32 : 128)
}

const isFilled = (value: string): boolean => value !== '' && !value.includes('\0')

/** 32 octets in base64 (RFC 4648 §4, padded), or the path of a `.pub` file. */
function isPublicKey(value: string): boolean {
  return /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(value) || isPublicKeyFile(value)
}

/** Whether a key's `publicKey` is the path of a file rather than the key itself. */
export function isPublicKeyFile(value: string): boolean {
  return value.endsWith('.pub') && isFilled(value)
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
