/**
 * Message ids: 40 characters of lower-case base32hex (RFC 4648 §7), 25 bytes: 6 of milliseconds,
 * 18 random, the last 0x01. They look like SES's ids and sort by the time of receipt. Runs in browsers.
 */

const alphabet = '0123456789abcdefghijklmnopqrstuv'
const shape = /^[0-9a-v]{38}[08go]1$/

/** Ten bits as two characters. */
const pairs = Array.from(
  { length: 1024 },
  (_, bits) => alphabet.charAt(bits >>> 5) + alphabet.charAt(bits & 31),
)

/** Random octets for many ids: so, and with the pairs, an id takes half a microsecond, else six. */
let random = new Uint8Array(0)
let used = 0

function takeRandom(count: number): Uint8Array {
  if (used + count > random.length) {
    random = crypto.getRandomValues(new Uint8Array(128 * count))
    used = 0
  }
  used += count
  return random.subarray(used - count, used)
}

/** A new id for a message received at `milliseconds` since 1970. Never the same twice (144 random bits). */
export function newMessageId(milliseconds: number): string {
  const bytes = new Uint8Array(25)
  bytes.set(takeRandom(18), 6)
  for (let at = 5, rest = milliseconds; at >= 0; at -= 1, rest = Math.floor(rest / 256)) {
    bytes[at] = rest % 256
  }
  bytes[24] = 1
  let id = ''
  let pending = 0
  let bits = 0
  for (const each of bytes) {
    pending = ((pending << 8) | each) & 0xffff
    bits += 8
    if (bits < 10) continue
    bits -= 10
    id += pairs[(pending >>> bits) & 1023]
  }
  return id
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
