/**
 * What the texts of options look like. Pure. Loads nothing: the processes that are handed their configuration
 * need no more than this of what read it.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'

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

export function isDnsServer(value: string): boolean {
  if (isIP(value) !== 0) return true
  const parsed = parseListen(value)
  return parsed !== undefined && isIP(parsed.host) !== 0 && parsed.port > 0
}

/** The scheme and nothing but an origin and a path: a user or a password in it would end up in logs. */
export function isHttpUrl(value: string): boolean {
  const url = URL.parse(value)
  // The parser strips white space; what reads the text later may not.
  if (url === null || !/^https?:\/\/\S+$/i.test(value)) return false
  return url.username === '' && url.password === '' && url.search === '' && url.hash === ''
}

export function isRedisUrl(value: string): boolean {
  if (value === 'embedded' || /^unix:\/./.test(value)) return true
  const url = URL.parse(value)
  if (url === null || !/^rediss?:\/\/\S+$/i.test(value)) return false
  // ioredis 5 takes options, the password among them, from the query: one way to say a thing is enough.
  return url.hostname !== '' && url.search === '' && url.hash === ''
}

/** `127.0.0.2`, or a range of the last number, `127.0.0.2-11`. RFC 5782 §2.1 keeps answers in 127/8. */
export function isDnsblAnswer(value: string): boolean {
  const match = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3})(?:-(\d{1,3}))?$/.exec(value)
  if (match?.[1] === undefined || !isIPv4(match[1])) return false
  const first = Number(match[1].split('.')[3])
  const last = match[2] === undefined ? first : Number(match[2])
  return first <= last && last <= 255
}

export function isClamd(value: string): boolean {
  if (value === 'auto' || value === 'off' || /^unix:\/[^\0]+$/.test(value)) return true
  return (parseListen(value)?.port ?? 0) > 0
}

/** An address, or one with the length of its prefix behind a slash. */
export function isNetwork(value: string): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(value) ?? []
  // A zone id, or an IPv4 address in IPv6, which clients are never known by.
  const family = /%|:.*\.|^::ffff:/i.test(address) ? 0 : isIP(address)
  return family !== 0 && Number(prefix ?? 0) <= (family === 4 ? 32 : 128)
}

export const isFilled = (value: string): boolean => value !== '' && !value.includes('\0')

/** 32 octets in base64 (RFC 4648 §4, padded), or the path of a `.pub` file. */
export function isPublicKey(value: string): boolean {
  return /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(value) || isPublicKeyFile(value)
}

/** Whether a key's `publicKey` is the path of a file rather than the key itself. */
export function isPublicKeyFile(value: string): boolean {
  return value.endsWith('.pub') && isFilled(value)
}
