/** Messages for tests, of any size and told apart. */

/** A message of exactly `size` octets that no other `number` gives; those below 30 may be the same. */
export function messageOf(size: number, number: number): Buffer {
  if (size < 2) return Buffer.alloc(0)
  const head = Buffer.from(`Subject: ${number}\r\n\r\n`)
  const line = Buffer.from(`.${number} caf\xe9 ${'x'.repeat(60)}\r\n`, 'latin1')
  const text = Buffer.concat([head, Buffer.alloc(size, line)]).subarray(0, size - 2)
  // What was cut may end in a CR, which belongs before a LF.
  if (text.at(-1) === 13) text[text.length - 1] = 88
  return Buffer.concat([text, Buffer.from('\r\n')])
}
