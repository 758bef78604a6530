/**
 * Message ids: 40 characters of lower-case base32hex (RFC 4648 §7), 25 bytes: 6 of milliseconds,
 * 18 random, the last 0x01. They look like SES's ids and sort by the time of receipt.
 */
import { randomFillSync } from 'node:crypto'

const alphabet = '0123456789abcdefghijklmnopqrstuv'
const shape = /^[0-9a-v]{38}[08go]1$/

/** A new id for a message received at `milliseconds` since 1970. Never the same twice (144 random bits). */
export function newMessageId(milliseconds: number): string {
  const bytes = Buffer.allocUnsafe(25)
  bytes.writeUIntBE(milliseconds, 0, 6)
  randomFillSync(bytes, 6, 18)
  bytes[24] = 1
  let id = ''
  // 25 bytes are five groups of 40 bits, eight characters each: nothing is left over.
  for (let at = 0; at < 25; at += 5) {
    const high = bytes.readUIntBE(at, 3) // 24 bits
    const low = bytes.readUInt16BE(at + 3) // 16 bits
    const middle = ((high & 0xf) << 1) | (low >>> 15) // the character that straddles the two
    id +=
      char(high >>> 19) +
      char(high >>> 14) +
      char(high >>> 9) +
      char(high >>> 4) +
      char(middle) +
      char(low >>> 10) +
      char(low >>> 5) +
      char(low)
  }
  return id
}

function char(bits: number): string {
  return alphabet.charAt(bits & 31)
}

/** Whether `text` is a message id: what is not must never become part of a path or a key. */
export function isMessageId(text: string): boolean {
  return shape.test(text)
}

/** When the message of this id was received: milliseconds since 1970. */
export function messageIdTime(id: string): number {
  let value = 0
  // 48 bits: nine characters and the upper three bits of the tenth.
  for (const each of id.slice(0, 9)) value = value * 32 + alphabet.indexOf(each)
  return value * 8 + (alphabet.indexOf(id.charAt(9)) >>> 2)
}
