/** What stands in fields and envelopes: address lists, encoded words, IP addresses, canonical forms. */
import { isDeepStrictEqual } from 'node:util'
import { parseAddress, parseBlock, reversed } from '../../../src/filters/address.ts'
import { parseAddressList, quoted } from '../../../src/mail/address-list.ts'
import { decodeWords } from '../../../src/mail/encoded-words.ts'
import { decoderFor } from '../../../src/mail/mime-decode.ts'
import { quotedPrintable } from '../../../src/mail/quoted-printable.ts'
import { canonicalAddress } from '../../../src/rules/pattern.ts'
import { holds, octetsOf, type Target, textOf } from '../target.ts'

function runList(input: Uint8Array): void {
  for (const { name, address } of parseAddressList(textOf(input))) {
    holds(address !== '', 'no address is empty')
    if (!/^[^\s<>"(),:;\\[\]]+$/.test(address)) continue
    const written = `${quoted(name)} <${address}>`
    const [again, ...more] = parseAddressList(written)
    holds(more.length === 0 && again?.address === address, `${written} is one mailbox again`)
  }
}

function runBlock(input: Uint8Array): void {
  const text = textOf(input)
  const address = parseAddress(text)
  if (address !== undefined) reversed(address)
  const block = parseBlock(text)
  if (typeof block === 'string') return
  holds(block.prefix >= 0 && block.prefix <= (block.family === 4 ? 32 : 128), 'the prefix fits')
  holds(
    block.value >= 0n && block.value >> (block.family === 4 ? 32n : 128n) === 0n,
    'the address fits',
  )
  const alone = parseAddress(text.replace(/\/.*$/, ''))
  holds(
    isDeepStrictEqual(alone, { family: block.family, value: block.value }),
    'a block is of its address',
  )
}

function runWords(input: Uint8Array): void {
  const text = textOf(input)
  const decoded = decodeWords(text)
  holds(text.includes('=?') || decoded === text, 'what has no encoded word stays')
}

function runCanonical(input: Uint8Array): void {
  const once = canonicalAddress(textOf(input))
  holds(once.includes('@'), 'there always is an @')
}

function runPrintable(input: Uint8Array): void {
  const written = quotedPrintable(input)
  holds(!/[^\t\x20-\x7e\r\n]/.test(written), 'quoted-printable is ASCII')
  holds(
    written.split('\r\n').every((line) => line.length <= 76),
    'RFC 2045 §6.7: 76 characters',
  )
  const decoder = decoderFor('quoted-printable')
  const lines = written.split('\r\n').map((line) => decoder.line(Buffer.from(line), false))
  const decoded = Buffer.concat([...lines, decoder.end()])
  // The last line has an end in what is decoded.
  holds(decoded.subarray(0, -2).equals(input), 'what is written and decoded is the same')
}

export const targets: readonly Target[] = [
  {
    name: 'address-list',
    seeds: octetsOf(
      'Ann <ann@b.test>, "B. \\"C\\"" <"b c"@d.test>, e@f.test (comment (nested))',
      'Group: a@b.test, c@d.test;, undisclosed-recipients:;',
      '<@a.test,@b.test:c@d.test>, =?utf-8?q?J=C3=B6rg?= <j@k.test>',
    ),
    tokens: [
      '<',
      '>',
      '"',
      '\\"',
      '(',
      ')',
      ',',
      ':',
      ';',
      '@',
      ' @ ',
      '\\',
      '[192.0.2.1]',
      '<>',
      '""',
      '\t',
      '\r\n ',
      'a@b.test',
    ],
    run: runList,
    maxBytes: 256 * 1024,
  },
  {
    name: 'ip-block',
    seeds: octetsOf(
      '192.0.2.0/24',
      '2001:db8::/32',
      '::ffff:192.0.2.1',
      'fe80::1%eth0',
      '[::1]',
      '0:0:0:0:0:0:1.2.3.4/96',
    ),
    tokens: [
      '::',
      ':',
      '.',
      '/',
      '0',
      'ffff',
      '%',
      '255',
      '256',
      '01',
      '0x',
      '[',
      ']',
      '/128',
      '/0',
    ],
    run: runBlock,
    maxBytes: 256,
  },
  {
    name: 'encoded-words',
    seeds: octetsOf(
      '=?utf-8?q?caf=C3=A9?= =?utf-8?b?w6k=?=',
      '=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= x =?us-ascii*en?Q?a_b?=',
    ),
    tokens: [
      '=?',
      '?=',
      '?q?',
      '?B?',
      'utf-8',
      'utf-16le',
      'iso-2022-jp',
      'x-unknown',
      '=',
      '=4',
      '_',
      '*en',
      ' ',
      '\r\n ',
    ],
    run: runWords,
    maxBytes: 256 * 1024,
  },
  {
    name: 'canonical-address',
    seeds: octetsOf(
      'User+Tag@Example.COM',
      '"a@b"@x.test',
      'ü@bücher.example',
      'a@%41.test',
      'a@1.2',
    ),
    tokens: [
      '@',
      '"',
      '\\',
      '.',
      '%',
      'xn--',
      'İ',
      'ß',
      '\u200d',
      '\u0301',
      '[',
      '0x7f',
      '?',
      '#',
      '/',
      ':',
    ],
    run: runCanonical,
    maxBytes: 64 * 1024,
  },
  {
    name: 'quoted-printable',
    seeds: octetsOf('café = \r\n', ' \t \r\n.\r\n', 'a'.repeat(80)),
    tokens: ['=', ' \r\n', '\r', '\n', '.', '\t', 'é', '=3D', '--'],
    run: runPrintable,
    maxBytes: 64 * 1024,
  },
]
