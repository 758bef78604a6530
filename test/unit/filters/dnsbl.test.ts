/** One question to one DNS list: its name (RFC 5782), and which answers mean listed. */
import { describe, expect, test } from 'vitest'
import { askList, questionFor, type Resolve, reasonOf } from '../../../src/filters/dnsbl.ts'
import { resolverOf } from './zone.ts'

const zone = 'bl.example'

const names = [
  ['192.0.2.99', '99.2.0.192.bl.example', 'RFC 5782 §2.1'],
  [
    '2001:db8:1:2:3:4:567:89ab',
    'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example',
    'RFC 5782 §2.4',
  ],
  ['::1', `1.${'0.'.repeat(31)}bl.example`, 'all nibbles are there'],
  ['::ffff:192.0.2.99', '99.2.0.192.bl.example', 'IPv4-mapped IPv6 is IPv4 (P31)'],
  ['fe80::1%eth0', undefined, 'no address'],
  ['unknown', undefined, 'no address'],
] as const

test.for(names)('%s is asked for as %s: %s', ([ip, name]) => {
  expect(questionFor(ip, zone)).toBe(name)
})

const answering =
  (records: unknown): Resolve =>
  async () =>
    records
const ask = (records: unknown, ...refuseOn: string[]) =>
  askList(answering(records), { zone, refuseOn }, '192.0.2.99')

const answers = [
  [['127.0.0.2'], ['127.0.0.2'], 'listed', 'the answer that was named'],
  [['127.0.0.3'], ['127.0.0.2'], 'not-listed', 'another'],
  [['127.0.0.2'], ['127.0.0.2-11'], 'listed', 'the first of a range'],
  [['127.0.0.11'], ['127.0.0.2-11'], 'listed', 'the last of a range'],
  [['127.0.0.12'], ['127.0.0.2-11'], 'not-listed', 'the next'],
  [['127.0.1.2'], ['127.0.0.2-254'], 'not-listed', 'the last number only is a range'],
  [['127.0.0.12', '127.0.0.4'], ['127.0.0.2-11'], 'listed', 'one of several is enough'],
  [['127.9.9.9'], ['127.0.0.2', '127.9.9.0-255'], 'listed', 'one of several ranges'],
  [['127.255.255.254'], ['127.255.255.0-255'], 'failed', 'never a listing, even if named (P32)'],
  [['127.0.0.2', '127.255.255.255'], ['127.0.0.2'], 'failed', 'an error beside a listing'],
  [['192.0.2.1'], ['127.0.0.2'], 'failed', 'a resolver that rewrites'],
  [['127.0.0.2', '192.0.2.1'], ['127.0.0.2'], 'failed', 'the same beside a listing'],
  [['::1'], ['127.0.0.2'], 'failed', 'an A record that is none'],
  [[], ['127.0.0.2'], 'failed', 'an answer without records'],
  ['127.0.0.2', ['127.0.0.2'], 'failed', 'no list of records'],
  [[{}], ['127.0.0.2'], 'failed', 'records that are no text'],
] as const

test.for(answers)('the answer %j where %j refuses is %s: %s', async ([records, refuseOn, kind]) => {
  expect(await ask(records, ...refuseOn)).toMatchObject({ kind })
})

const codes = [
  [252, /typing error/, /name of the zone/],
  [254, /public resolver/, /dns\.servers/],
  [255, /too many questions/, /account/],
  [1, /error code/, /list/],
] as const

test.for(codes)('127.255.255.%i says %s and to do %s', async ([code, cause, remedy]) => {
  expect(await ask([`127.255.255.${code}`], '127.0.0.2')).toEqual({
    kind: 'failed',
    lasting: true,
    trouble: { cause: expect.stringMatching(cause), remedy: expect.stringMatching(remedy) },
  })
})

const errors = [
  ['ENOTFOUND', 'not-listed'],
  ['ENODATA', 'not-listed'],
  ['ETIMEOUT', 'failed'],
  ['ESERVFAIL', 'failed'],
  ['EREFUSED', 'failed'],
  ['EBADRESP', 'failed'],
] as const

test.for(errors)('the error %s means %s', async ([code, kind]) => {
  const resolve = resolverOf({ '99.2.0.192.bl.example': code })
  const answer = await askList(resolve, { zone, refuseOn: ['127.0.0.2'] }, '192.0.2.99')
  expect(answer).toMatchObject({ kind })
  if (answer.kind === 'failed') expect(answer.lasting).toBe(false)
})

describe('what the list says', () => {
  const said = (chunks: readonly string[]) =>
    reasonOf(resolverOf({ 'TXT 99.2.0.192.bl.example': chunks }), zone, '192.0.2.99')
  const texts = [
    [['see ', 'https://bl.example/'], 'see https://bl.example/', 'chunks are one text'],
    [['a\r\n250 OK\0\x1b'], 'a??250 OK??', 'control characters'],
    [['caf\xe9 \u202e'], 'caf? ?', 'beyond ASCII'],
    [['x'.repeat(255), 'y'], 'x'.repeat(200), 'long'],
    [['  '], '', 'empty'],
  ] as const
  test.for(texts)('%j is told as %j: %s', async ([chunks, text]) => {
    expect(await said(chunks)).toBe(text)
  })

  test('is nothing where there is no TXT, no answer, or none of its shape', async () => {
    expect(await reasonOf(resolverOf({}), zone, '192.0.2.99')).toBe('')
    const broken = resolverOf({ 'TXT 99.2.0.192.bl.example': 'ESERVFAIL' })
    expect(await reasonOf(broken, zone, '192.0.2.99')).toBe('')
    for (const records of [undefined, [], [42], [null], 'text']) {
      expect(await reasonOf(answering(records), zone, '192.0.2.99')).toBe('')
    }
  })
})
