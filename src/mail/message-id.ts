/**
 * Message ids: 40 characters of lower-case base32hex (RFC 4648 §7), 25 bytes: 6 of milliseconds,
 * 18 random, the last 0x01. They look like SES's ids and sort by the time of receipt. Runs in browsers.
 */

const alphabet = '0123456789abcdefghijklmnopqrstuv'
const shape = /^[0-9a-v]{38}[08go]1$/

/** A new id for a message received at `milliseconds` since 1970. Never the same twice (144 random bits). */
export function newMessageId(milliseconds: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(25))
  for (let at = 5, rest = milliseconds; at >= 0; at -= 1, rest = Math.floor(rest / 256)) {
    bytes[at] = rest % 256
  }
  bytes[24] = 1
  let id = ''
  let pending = 0
  let bits = 0
  for (const each of bytes) {
    pending = ((pending << 8) | each) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) id += char(pending >>> (bits - 5))
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
