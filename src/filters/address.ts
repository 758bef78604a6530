/**
 * IP addresses and CIDR blocks as numbers. Promises: an IPv4 address that came as IPv4-mapped IPv6
 * (RFC 4291 §2.5.5.2) is the IPv4 address (pitfalls P31); what is no address is never guessed at.
 * Pure.
 */
import { isIPv4, isIPv6 } from 'node:net'

export type Family = 4 | 6

export type Address = { readonly family: Family; readonly value: bigint }

export type Block = Address & { readonly prefix: number }

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128)

/** `undefined` for what is no address, one with a zone id included. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: valueOfIPv4(text) }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const value = valueOfIPv6(text)
  return value >> 32n === 0xffffn
    ? { family: 4, value: value & 0xffff_ffffn }
    : { family: 6, value }
}

/** A block, or the end of a sentence about why the text is none. SES: CIDR of an IP filter. */
export function parseBlock(text: string): Block | string {
  if (text === '') return 'is empty'
  const [, written = '', length] = /^([^/]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? []
  if (written === '') return notABlock
  if (/[[\]]/.test(written)) return 'must be written without brackets'
  if (written.includes('%')) return 'must be written without a zone id'
  const address = parseAddress(written)
  if (address === undefined) return notABlock
  if (written.includes(':') && (written.includes('.') || address.family === 4)) {
    return 'has an IPv4 address inside IPv6; a client with it is matched by the IPv4 address alone: write a.b.c.d'
  }
  const bits = bitsOf(address.family)
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits) return `has a prefix of ${prefix} bits; IPv${address.family} has ${bits}`
  return { ...address, prefix }
}

const notABlock =
  'is no IP address or CIDR block; write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32'

/** The address within its block: what all addresses of one block have in common. */
export function networkOf({ family, value }: Address, prefix: number): bigint {
  return value >> BigInt(bitsOf(family) - prefix)
}

/** Whether an address is one of a block's. */
export function isIn(block: Block, address: Address): boolean {
  const { family, prefix } = block
  return family === address.family && networkOf(address, prefix) === networkOf(block, prefix)
}

/** The labels of a DNS list's question: octets (RFC 5782 §2.1) or nibbles (§2.4), from the last. */
export function reversed({ family, value }: Address): string {
  const [width, count, radix] = family === 4 ? [8n, 4, 10] : [4n, 32, 16]
  const mask = (1n << width) - 1n
  const labels = Array.from({ length: count }, (_, index) =>
    ((value >> (BigInt(index) * width)) & mask).toString(radix),
  )
  return labels.join('.')
}

function valueOfIPv4(text: string): bigint {
  return text.split('.').reduce((value, octet) => (value << 8n) | BigInt(octet), 0n)
}

/** Of a text that isIPv6 has accepted. */
function valueOfIPv6(text: string): bigint {
  const hex = text.replace(/[^:]*\..*$/, (dotted) => {
    const value = valueOfIPv4(dotted)
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
  })
  const [head = [], tail] = hex.split('::').map((part) => part.split(':').filter((x) => x !== ''))
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...(tail ?? [])]
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}
