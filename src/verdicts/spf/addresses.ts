/** IP addresses as SPF compares them: numbers, 32 bits at a time. Pure. RFC 7208 §5, §5.6, RFC 4291 §2.2 */
import { isIPv6 } from 'node:net'

/** One word of an IPv4 address, four of an IPv6 one; each a signed integer of 32 bits. */
export type Address = readonly number[]

export const bitsOf = (address: Address): number => address.length * 32

/** The client's. §5: IPv4 in IPv6 is IPv4. A zone says which of our links it came by, and is no part of it. */
export function clientAddress(text: string): Address | undefined {
  const zone = text.indexOf('%')
  const address = parseIPv4(text) ?? parseIPv6(zone < 0 ? text : text.slice(0, zone))
  if (address === undefined || address.length === 1) return address
  const [first, second, third, fourth = 0] = address
  return first === 0 && second === 0 && third === 0xffff ? [fourth] : address
}

/** `qnum` four times: up to 255, without zeros in front. */
export function parseIPv4(text: string): Address | undefined {
  let word = 0
  let octet = -1
  let dots = 0
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - zero
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return undefined
      octet = octet < 0 ? digit : octet * 10 + digit
      if (octet > 255) return undefined
    } else {
      if (digit !== dot - zero || octet < 0 || dots === 3) return undefined
      word = (word << 8) | octet
      octet = -1
      dots += 1
    }
  }
  return dots === 3 && octet >= 0 ? [(word << 8) | octet] : undefined
}

/** Without a zone. */
export function parseIPv6(text: string): Address | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined
  const colon = text.lastIndexOf(':') + 1
  const last = text.includes('.') ? parseIPv4(text.slice(colon))?.[0] : undefined
  const hex = last === undefined ? text : text.slice(0, colon)
  /** Where `::` stands, in groups. */
  let gap = -1
  const groups: number[] = []
  for (let at = 0; at < hex.length; ) {
    if (hex.charCodeAt(at) === colonCode) {
      at += 1
      if (hex.charCodeAt(at) === colonCode) gap = groups.length
      continue
    }
    let group = 0
    for (; at < hex.length && hex.charCodeAt(at) !== colonCode; at += 1)
      group = group * 16 + hexDigit(hex.charCodeAt(at))
    groups.push(group)
  }
  if (last !== undefined) groups.push(last >>> 16, last & 0xffff)
  if (gap >= 0) groups.splice(gap, 0, ...zeros.slice(groups.length))
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  return [(a << 16) | b, (c << 16) | d, (e << 16) | f, (g << 16) | h]
}

const zeros: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0]
const zero = 0x30
const dot = 0x2e
const colonCode = 0x3a

/** Of a character that is one. */
function hexDigit(code: number): number {
  return code <= 0x39 ? code - zero : (code & 0x0f) + 9
}

/** Whether both are of one network, which are the first `prefix` bits; of two families they never are. */
export function inOneNetwork(one: Address, other: Address, prefix: number): boolean {
  if (one.length !== other.length) return false
  for (let index = 0, bits = prefix; bits > 0; index += 1, bits -= 32) {
    const differ = (one[index] as number) ^ (other[index] as number)
    if (differ >>> (bits < 32 ? 32 - bits : 0) !== 0) return false
  }
  return true
}

/** §7.3, `i`: octets, or nibbles, with dots between them. */
export function dotted(address: Address): string {
  const octets = address.length === 1
  const [width, radix] = octets ? [8, 10] : [4, 16]
  const labels: string[] = []
  for (const word of address)
    for (let shift = 32 - width; shift >= 0; shift -= width)
      labels.push(((word >>> shift) & (octets ? 0xff : 0xf)).toString(radix))
  return labels.join('.')
}

/** §7.3, `v`: where its names are, below `arpa`. */
export function reverseZone(address: Address): 'in-addr' | 'ip6' {
  return address.length === 1 ? 'in-addr' : 'ip6'
}

/** RFC 1035 §3.5, RFC 3596 §2.5: the name whose PTR records have its names. */
export function reverseName(address: Address): string {
  return `${dotted(address).split('.').reverse().join('.')}.${reverseZone(address)}.arpa`
}
