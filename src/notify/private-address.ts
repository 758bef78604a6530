/**
 * Which addresses are of this machine or of its network: a host name must not lead a request there, or
 * whoever owns the name could have us talk to our own Redis or to a cloud's metadata service. Pure.
 */
import { BlockList, isIP } from 'node:net'

/** IANA's special-purpose registries (RFC 6890), and multicast. */
const blocks = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 96],
  // IPv4 in other clothes: mapped addresses are checked as IPv4, the others may lead anywhere.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const

const special = new BlockList()
for (const [address, prefix] of blocks)
  special.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** What is no address counts as private. */
export function isPrivateAddress(text: string): boolean {
  // A zone says which link, not what address.
  const address = text.replace(/%.*$/s, '')
  const family = isIP(address)
  if (family === 0) return true
  const mapped = family === 6 ? ipv4In(address) : undefined
  if (mapped !== undefined) return isPrivateAddress(mapped)
  return special.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** Whether a URL's host is an address or `localhost`: then whoever wrote it meant it. */
export function isLiteral(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, '')) !== 0 || host.toLowerCase() === 'localhost'
}

/** RFC 4291 §2.5.5.2; the URL parser's way of writing makes every spelling one. */
function ipv4In(address: string): string | undefined {
  const host = URL.parse(`http://[${address}]/`)?.hostname ?? ''
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host) ?? []
  if (high === undefined || low === undefined) return undefined
  const [h, l] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return `${h >> 8}.${h & 255}.${l >> 8}.${l & 255}`
}
