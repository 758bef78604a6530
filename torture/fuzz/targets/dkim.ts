/** Signatures and keys of strangers: src/verdicts/dkim, each message beside the same one in odd pieces. */
import { isDeepStrictEqual } from 'node:util'
import { capturedFrom } from '../../../src/mail/captured.ts'
import { rawFields, relaxedField } from '../../../src/verdicts/dkim/fields.ts'
import { keyOf } from '../../../src/verdicts/dkim/key.ts'
import { verifyDkim } from '../../../src/verdicts/dkim/verify.ts'
import { body, ed25519, head, keys, rsa } from '../../../test/support/rfc8463.ts'
import { holds, octetsOf, pieces, type Target, textOf } from '../target.ts'

async function resolve(name: string): Promise<string[][]> {
  const record = keys[name.toLowerCase()]
  if (record === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  return [[record]]
}

async function runMessage(input: Uint8Array): Promise<void> {
  const octets = Buffer.from(input)
  const message = capturedFrom(octets)
  const fields = rawFields(message.header)
  for (const each of fields) holds(!relaxedField(each).includes('\n'), 'relaxed is one line')
  const verify = (given: typeof message) => verifyDkim(given, fields, 3, resolve)
  const { signatures, unverified } = await verify(message)
  const count = fields.filter(({ name }) => name === 'dkim-signature').length
  holds(signatures.length + unverified === count, 'each signature is told of')
  holds(signatures.length <= 3, 'no more are verified than may be')
  const inPieces = await verify({ ...message, read: () => pieces(octets, 7) })
  holds(isDeepStrictEqual(signatures, inPieces.signatures), 'pieces make no difference')
}

function runKey(input: Uint8Array): void {
  const record = textOf(input)
  const found = keyOf(record)
  if (typeof found === 'string') {
    holds(keyOf(record) === found, 'what is remembered is what was found')
    return
  }
  holds(found.type === found.key.asymmetricKeyType, 'a key is of the kind it says')
  holds(found.type === 'ed25519' || (found.bits ?? 0) >= 1024, 'no key is weak')
}

export const targets: readonly Target[] = [
  {
    name: 'dkim',
    seeds: octetsOf(
      `${ed25519}\r\n${rsa}\r\n${head}\r\n\r\n${body}`,
      `${ed25519.replace('relaxed/relaxed', 'simple/simple')}\r\n${head}\r\n\r\n${body}`,
    ),
    tokens: [
      ...['DKIM-Signature:', 'From:', 'a=rsa-sha256;', 'c=simple/relaxed;', 'l=5;', 'l=0;', 'x=1;'],
      ...['i=@', '=40', 'h=from', ': from', 'bh=', ' b=', '; ', '\r\n ', '\r\n\r\n', '\t', '  '],
    ],
    run: runMessage,
    maxBytes: 64 * 1024,
  },
  {
    name: 'dkim-key',
    seeds: octetsOf(...Object.values(keys)),
    tokens: ['v=DKIM1;', 'k=rsa;', 'k=ed25519;', 'p=', 't=s:y;', 's=email;', 'h=sha256;', ' ', ';'],
    run: runKey,
    maxBytes: 32 * 1024,
  },
]
