/** Records of SPF: which texts are such (RFC 7208 §4.5), and what one says or what is wrong with it (§4.6, §5, §6). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  clientAddress,
  dotted,
  inOneNetwork,
  parseIPv4,
  parseIPv6,
  reverseName,
} from '../../../src/verdicts/spf/addresses.ts'
import { parseRecord, spfTexts } from '../../../src/verdicts/spf/record.ts'

const selected = [
  // strings, whether it is an SPF record, why
  [['v=spf1'], true, 'nothing but the version'],
  [['V=sPf1 -all'], true, 'in any case'],
  [['v=spf1', ' -all'], true, 'strings are joined'],
  [['v=spf1', '-all'], false, 'with nothing between them'],
  [['v=spf10 -all'], false, 'another version'],
  [['v=spf1\t-all'], false, 'a tab is no space'],
  [['v=spf1\n'], false, 'nor a line end the end'],
  [[' v=spf1 -all'], false, 'the version begins it'],
  [['spf2.0/pra -all'], false, 'another standard'],
  [[], false, 'no string at all'],
] as const

test.for(selected)('%j: %s, %s', ([strings, found]) => {
  expect(spfTexts([strings])).toEqual(found ? [strings.join('')] : [])
})

/** The mechanisms as words. */
function shown(text: string): string {
  const record = parseRecord(`v=spf1 ${text}`)
  if (typeof record === 'string') return record
  const terms = record.mechanisms.map((each) => {
    const { kind, result } = each
    if (kind === 'ip') return `${result} ${dotted(each.network)}/${each.prefix}`
    if (kind === 'all') return `${result} all`
    const target = each.target.map((part) => (typeof part === 'string' ? part : `{${part.letter}}`))
    const cidr = 'prefixes' in each ? `/${each.prefixes.join('//')}` : ''
    return `${result} ${kind}:${target.join('')}${cidr}`
  })
  return [...terms, ...(record.redirect === undefined ? [] : ['redirect'])].join(', ')
}

const wrong = (term: string): string => `syntax error in ${term}`

const records = [
  // terms, what they say, why
  ['-all', 'fail all', 'all (§5.1)'],
  ['+all ~all ?all ALL', 'pass all, softfail all, neutral all, pass all', 'qualifiers (§4.6.2)'],
  ['  a  -all  ', 'pass a:/32//128, fail all', 'any number of spaces'],
  ['all.', wrong('all.'), 'all has nothing behind it'],
  ['all:x', wrong('all:x'), 'no name'],
  ['all/8', wrong('all/8'), 'no length'],
  ['--all', wrong('--all'), 'one qualifier'],
  ['moo -all', wrong('moo'), 'an unknown mechanism'],
  ['allx a', wrong('allx'), 'one that begins like a known one'],
  ['a24', wrong('a24'), 'a length without its slash'],
  ['ptrx.test', wrong('ptrx.test'), 'a name without its colon'],
  ['ip41.2.3.4', wrong('ip41.2.3.4'), 'an address without it'],
  ['-all moo', wrong('moo'), 'wherever it stands (§4.6)'],
  ['a:b.test', 'pass a:b.test/32//128', 'a with a name (§5.3)'],
  ['a/24', 'pass a:/24//128', 'with a length for IPv4'],
  ['a//64', 'pass a:/32//64', 'for IPv6'],
  ['A:b.test/24//64', 'pass a:b.test/24//64', 'with all'],
  ['mx/0//0', 'pass mx:/0//0', 'mx is the same (§5.4)'],
  ['a/24/64', wrong('a/24/64'), 'two slashes before the length for IPv6'],
  ['a//64/24', wrong('a//64/24'), 'in this order'],
  ['a/33', wrong('a/33'), 'more bits than there are'],
  ['a//129', wrong('a//129'), 'of IPv6, too'],
  ['a/08', wrong('a/08'), 'zeros in front'],
  ['a/', wrong('a/'), 'no number'],
  ['a:', wrong('a:'), 'an empty name'],
  ['a:/24', wrong('a:/24'), 'before a length, too'],
  ['a:b.test:25', wrong('a:b.test:25'), 'a port'],
  ['a:192.0.2.1', wrong('a:192.0.2.1'), 'an address is no name'],
  ['a:%{d/}/24', 'pass a:{d}/24//128', 'a slash within a macro is none'],
  ['a:x/24.test', 'pass a:x/24.test/32//128', 'nor one within a name'],
  ['ip4:192.0.2.1', 'pass 192.0.2.1/32', 'ip4 (§5.6)'],
  ['-ip4:192.0.2.0/24', 'fail 192.0.2.0/24', 'a network'],
  ['ip4:0.0.0.0/0', 'pass 0.0.0.0/0', 'everything'],
  ['ip4', wrong('ip4'), 'no address'],
  ['ip4/24', wrong('ip4/24'), 'none before a length either'],
  ['ip4:192.0.2', wrong('ip4:192.0.2'), 'three octets'],
  ['ip4:192.0.2.0.1', wrong('ip4:192.0.2.0.1'), 'five'],
  ['ip4:192.0.2.256', wrong('ip4:192.0.2.256'), 'no octet'],
  ['ip4:192.0.2.01', wrong('ip4:192.0.2.01'), 'zeros in front'],
  ['ip4:192.0..1', wrong('ip4:192.0..1'), 'an empty octet'],
  ['ip4:192.0.2.', wrong('ip4:192.0.2.'), 'at the end'],
  ['ip4:192.0.2.1/33', wrong('ip4:192.0.2.1/33'), 'more bits than there are'],
  ['ip4:192.0.2.1/032', wrong('ip4:192.0.2.1/032'), 'zeros in front of a length'],
  ['ip4:192.0.2.1//32', wrong('ip4:192.0.2.1//32'), 'the length of IPv6'],
  ['ip4:192.0.2.1:25', wrong('ip4:192.0.2.1:25'), 'a port'],
  ['ip4:2001:db8::1', wrong('ip4:2001:db8::1'), 'an IPv6 address'],
  ['ip6:192.0.2.1', wrong('ip6:192.0.2.1'), 'an IPv4 address'],
  ['ip6:fe80::1%eth0', wrong('ip6:fe80::1%eth0'), 'a zone'],
  ['ip6:[::1]', wrong('ip6:[::1]'), 'brackets'],
  ['ip6:::1//32', wrong('ip6:::1//32'), 'two slashes'],
  ['include:b.test', 'pass include:b.test', 'include (§5.2)'],
  ['include', wrong('include'), 'needs a name'],
  ['include:b.test/24', wrong('include:b.test/24'), 'and has no length'],
  ['exists:%{i}.b.test', 'pass exists:{i}.b.test', 'exists (§5.7)'],
  ['exists', wrong('exists'), 'needs a name'],
  ['ptr', 'pass ptr:', 'ptr (§5.5)'],
  ['ptr:b.test', 'pass ptr:b.test', 'with a name'],
  ['ptr:', wrong('ptr:'), 'an empty one'],
  ['ptr/24', wrong('ptr/24'), 'a length'],
  ['redirect=b.test', 'redirect', 'redirect (§6.1)'],
  ['redirect=b.test a', 'pass a:/32//128, redirect', 'wherever it stands'],
  ['redirect=', wrong('redirect='), 'needs a name'],
  ['redirect:b.test', wrong('redirect:b.test'), 'is no mechanism'],
  ['redirect=a.test REDIRECT=a.test', 'redirect= twice', 'once (§6)'],
  ['exp=%{d}.b.test -all', 'fail all', 'exp (§6.2) is read, and means nothing here'],
  ['exp= -all', wrong('exp='), 'needs a name'],
  ['exp=%{c}.test', wrong('exp=%{c}.test'), 'whose letters are those of names'],
  ['exp=a.test exp=b.test', 'exp= twice', 'once'],
  ['moo.cow-far_out=man:dog/cat a', 'pass a:/32//128', 'unknown modifiers mean nothing (§6)'],
  ['include=x all=x', '', 'those with the names of mechanisms, too'],
  ['x=', '', 'with nothing'],
  ['x=%', wrong('x=%'), 'but they have macro strings (§12)'],
  ['1up=x', wrong('1up=x'), 'and names'],
  ['=x', wrong('=x'), 'which are not empty'],
  ['moo.cow/far=x', wrong('moo.cow/far=x'), 'and have no slash'],
  ['-x=y', wrong('-x=y'), 'nor a qualifier'],
  ['', '', 'no terms'],
  ['a\t-all', 'characters that are not visible US-ASCII', 'a tab'],
  ['a:ä.test', 'characters that are not visible US-ASCII', 'not ASCII (§3.1)'],
  [`ip4:${'1'.repeat(100)}`, `${wrong(`ip4:${'1'.repeat(76)}`)}…`, 'a long term is told in part'],
] as const

test.for(records)('%j: %s (%s)', ([terms, said]) => {
  expect(shown(terms)).toBe(said)
})

describe('addresses', () => {
  const octet = fc.oneof(fc.constantFrom(0, 255), fc.nat(255))
  const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff))
  const groups = fc.array(group, { minLength: 8, maxLength: 8 })

  test('IPv6 in all its spellings is what the URL standard reads', () => {
    const spelled = fc
      .tuple(groups, fc.nat(8), fc.nat(8), fc.constantFrom('dotted', 'upper', 'padded', 'plain'))
      .map(([all, from, to, form]) => {
        const hex = all.map((each) => each.toString(16).padStart(form === 'padded' ? 4 : 1, '0'))
        const [g = 0, h = 0] = all.slice(6)
        if (form === 'dotted') hex.splice(6, 2, `${g >> 8}.${g & 255}.${h >> 8}.${h & 255}`)
        const end = Math.min(to, hex.length)
        const text =
          from < end
            ? `${hex.slice(0, from).join(':')}::${hex.slice(end).join(':')}`
            : hex.join(':')
        return form === 'upper' ? text.toUpperCase() : text
      })
    fc.assert(
      fc.property(spelled, (text) => {
        const url = URL.parse(`http://[${text}]/`)
        const ours = parseIPv6(text)
        expect(ours === undefined).toBe(url === null)
        if (ours === undefined || url === null) return
        const again = `[${dotted(ours)
          .replaceAll('.', '')
          .replace(/.{4}(?=.)/g, '$&:')}]`
        expect(new URL(`http://${again}/`).hostname).toBe(url.hostname)
      }),
      { numRuns: 3000 },
    )
  })

  test('IPv4 is four octets', () => {
    fc.assert(
      fc.property(fc.array(octet, { minLength: 3, maxLength: 5 }), (octets) => {
        const ours = parseIPv4(octets.join('.'))
        expect(ours && dotted(ours)).toBe(octets.length === 4 ? octets.join('.') : undefined)
      }),
    )
  })

  test('two addresses are in one network as their first bits say', () => {
    const bits = (address: readonly number[]): string =>
      address.map((each) => (each >>> 0).toString(2).padStart(32, '0')).join('')
    const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    const pair = fc.constantFrom(1, 4).chain((length) => {
      const words = fc.array(word, { minLength: length, maxLength: length })
      const flipped = fc.tuple(words, fc.nat(length * 32 - 1)).map(([one, bit]) => {
        const other = one.map((each, index) =>
          index === bit >> 5 ? each ^ (1 << (bit & 31)) : each,
        )
        return [one, other] as const
      })
      return fc.tuple(fc.oneof(fc.tuple(words, words), flipped), fc.nat(length * 32))
    })
    fc.assert(
      fc.property(pair, ([[one, other], prefix]) => {
        const same = bits(one).slice(0, prefix) === bits(other).slice(0, prefix)
        expect(inOneNetwork(one, other, prefix)).toBe(same)
      }),
      { numRuns: 2000 },
    )
  })

  const clients = [
    // text, as its labels, why
    ['192.0.2.1', '192.0.2.1', 'IPv4'],
    ['::ffff:192.0.2.1', '192.0.2.1', 'IPv4 in IPv6 (§5)'],
    ['::FFFF:c000:201', '192.0.2.1', 'in hexadecimal'],
    ['::192.0.2.1', `${'0.'.repeat(24)}c.0.0.0.0.2.0.1`, 'another block is IPv6'],
    ['fe80::1%eth0', `f.e.8.0.${'0.'.repeat(27)}1`, 'a zone is no part of it'],
    ['fe80::1%', `f.e.8.0.${'0.'.repeat(27)}1`, 'an empty one neither'],
    ['192.0.2.1%eth0', undefined, 'IPv4 has none'],
    ['192.0.2.1 ', undefined, 'a space'],
    ['mail.example.test', undefined, 'a name'],
    ['', undefined, 'nothing'],
  ] as const
  test.for(clients)('a client at %j is %s: %s', ([text, labels]) => {
    const address = clientAddress(text)
    expect(address && dotted(address)).toBe(labels)
  })

  test('IPv4 is in no network of IPv6, were it all of it', () => {
    expect(inOneNetwork([1], [0, 0, 0, 1], 0)).toBe(false)
  })

  test.for([
    ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['2001:db8::1', `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
  ] as const)('the names of %s are at %s', ([text, name]) => {
    expect(reverseName(clientAddress(text) ?? [])).toBe(name)
  })
})
