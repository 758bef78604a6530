/** Two verifiers, one opinion: ours and mailauth's, on messages made to find where they differ. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { dkimVerify } from 'mailauth'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { expect, test } from 'vitest'
import { bodyHash, type Canonicalization } from '../../../src/verdicts/dkim/body-hash.ts'
import { rawFields } from '../../../src/verdicts/dkim/fields.ts'
import { verifyDkim } from '../../../src/verdicts/dkim/verify.ts'
import { cut } from '../../support/splits.ts'
import { captured } from './auth-support.ts'

type Hash = { update: (octets: Buffer) => void; digest: (encoding: 'base64') => string } & {
  readonly bodyHashedBytes: number
  readonly canonicalizedLength: number
}
const require = createRequire(import.meta.url)
const { dkimBody } = require('mailauth/lib/dkim/body/index.js') as {
  dkimBody: (form: string, algorithm: string, limit: number | false) => Hash
}

const piece = fc.constantFrom(
  ...['a', 'bc', ' ', '  ', '\t', ' \t ', '\r\n', '\r\n\r\n', ' \r\n', '\t\r\n', '.', 'é'],
  'x'.repeat(100),
)
const text = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join('')))

const places = fc.array(fc.nat(), { maxLength: 6 })

test('the hash of a body is mailauth’s, whatever the body, `l=`, and how the octets come', () => {
  const form = fc.constantFrom<Canonicalization>('simple', 'relaxed')
  const limit = fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined })
  fc.assert(
    fc.property(text, form, limit, places, (body, kind, l, cuts) => {
      const ours = bodyHash(kind, 'sha256', l)
      const at = cuts.map((each) => each % (body.length + 1))
      for (const each of cut(body, at)) ours.update(each)
      const theirs = dkimBody(kind, 'sha256', l ?? false)
      theirs.update(body)
      const digest = theirs.digest('base64')
      expect(ours.finish()).toEqual({
        digest,
        hashed: theirs.bodyHashedBytes,
        total: theirs.canonicalizedLength,
      })
    }),
    { numRuns: 3000 },
  )
})

/** RFC 6376 §3.4.5 and §3.4.3, §3.4.4: what the standard itself says. */
const examples = [
  // form, body, canonical
  ['relaxed', ' C \r\nD \t E\r\n\r\n\r\n', ' C\r\nD E\r\n', '§3.4.5'],
  ['simple', ' C \r\nD \t E\r\n\r\n\r\n', ' C \r\nD \t E\r\n', '§3.4.5'],
  ['simple', '', '\r\n', '§3.4.3: an empty body is a CR LF'],
  ['relaxed', '', '', '§3.4.4: and here it is nothing'],
  ['relaxed', '\r\n\r\n', '', 'lines without anything are no body'],
  ['relaxed', 'a', 'a\r\n', 'a last line gets its end'],
  ['relaxed', ' \t\r\n', '', 'a line of white space is an empty line'],
] as const

test.for(examples)('%s of %j is %j: %s', ([form, body, canonical]) => {
  const ours = bodyHash(form, 'sha256')
  ours.update(Buffer.from(body))
  const { digest } = ours.finish()
  expect(digest).toBe(createHash('sha256').update(canonical).digest('base64'))
})

const pairOf = (bits: number) =>
  generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
const rsa = pairOf(1024)
const ed = generateKeyPairSync('ed25519')
const edPublic = ed.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
const p = rsa.publicKey.toString('base64')
/** What selector `s…` publishes. */
const records: Readonly<Record<string, string>> = {
  good: `v=DKIM1; k=rsa; p=${p}`,
  bare: `p=${p}`,
  late: `p=${p}; v=DKIM1`,
  spaced: ` v = DKIM1 ;\tp = ${p.slice(0, 40)} ${p.slice(40)} ;`,
  upper: `v=DKIM1; P=${p}`,
  version: `v=DKIM2; p=${p}`,
  twice: `v=DKIM1; p=${p}; p=${p}`,
  sha1: `v=DKIM1; h=sha1; p=${p}`,
  hashes: `v=DKIM1; h=sha1 : SHA256; p=${p}`,
  tlsrpt: `v=DKIM1; s=tlsrpt; p=${p}`,
  any: `v=DKIM1; s=x:*; t=y; p=${p}`,
  strict: `v=DKIM1; t=y:s; p=${p}`,
  kind: `v=DKIM1; k=dsa; p=${p}`,
  wrong: `v=DKIM1; k=ed25519; p=${p}`,
  revoked: 'v=DKIM1; p=',
  garbage: 'v=DKIM1; p=AAAA',
  signs: 'v=DKIM1; p=!!!!',
  ed: `v=DKIM1; k=ed25519; p=${edPublic.toString('base64')}`,
  undeclared: `v=DKIM1; p=${edPublic.toString('base64')}`,
  weak: `v=DKIM1; p=${pairOf(768).publicKey.toString('base64')}`,
  empty: '',
}

async function resolve(name: string): Promise<string[][]> {
  const record = records[name.split('.')[0] ?? '']
  if (record === undefined) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' })
  return [[record.slice(0, 20), record.slice(20)]]
}

const fieldLine = fc.constantFrom(
  ...['From: Ada <a@example.test>', 'from :  b@example.test ', 'To: you@here.test,', 'Subject:'],
  ...['Subject:\ttwo  words \t', 'subject: folded\r\n  here\r\n\t and there  ', 'X:', 'X: \r\n '],
  ...[
    'Date: today',
    'From\r\n : c@example.test',
    'no field at all',
    'Sübject: x',
    'To: gr\u00fc\u00dfe',
  ],
)
const headerLines = fc.array(fieldLine, { minLength: 1, maxLength: 8 })

/** What is done to the signature field, or to the message, once it is signed. */
const changes: Readonly<Record<string, (message: string) => string>> = {
  nothing: (message) => message,
  'one octet of the body': (message) => message.replace(/a(?=[^a]*$)/, 'b'),
  'white space at the end': (message) => `${message}\r\n\r\n`,
  'white space in the body': (message) => message.replace(/\r\n\r\n(.*)$/s, '\r\n\r\n$1 \r\n'),
  'a field before': (message) => `Subject: new\r\n${message}`,
  'From before': (message) => `From: e@evil.test\r\n${message}`,
  'From behind': (message) => message.replace('\r\n\r\n', '\r\nFrom: e@evil.test\r\n\r\n'),
  'no field behind': (message) => message.replace('\r\n\r\n', '\r\nthis is no field\r\n\r\n'),
  'b= first': (message) =>
    message.replace(/(Signature: )(.*?;)(.*?)(b=[^;]*?)(;|\r\n(?=\S))/s, '$1$4;$2$3$5'),
  'tag twice': (message) => message.replace(' d=', ' d=x.test; d='),
  'no tag': (message) => message.replace(' d=', ' nothing; d='),
  'two semicolons': (message) => message.replace(' d=', '; d='),
  'upper-case tag': (message) => message.replace(' d=', ' D='),
  'v=2': (message) => message.replace('v=1', 'v=2'),
  'v= left out': (message) => message.replace('v=1;', ''),
  'no From in h=': (message) => message.replace(/h=[^;]*/, 'h=to:date'),
  'h= empty': (message) => message.replace(/h=[^;]*/, 'h='),
  'x= long ago': (message) => message.replace('v=1;', 'v=1; x=1000;'),
  't= behind x=': (message) =>
    message.replace(/v=1;/, 'v=1; x=9999999999;').replace(/ t=\d+/, ' t=99999999999'),
  't= no number': (message) => message.replace(/ t=\d+/, ' t=now'),
  'q=': (message) => message.replace('v=1;', 'v=1; q=dns/txt:other;').replace(' q=dns/txt;', ''),
  'q= other': (message) => message.replace(/q=dns\/txt/, 'q=other'),
  'i= below': (message) => message.replace('v=1;', 'v=1; i=@sub.example.test;'),
  'i= elsewhere': (message) => message.replace('v=1;', 'v=1; i=a@example.org;'),
  'i= quoted': (message) => message.replace('v=1;', 'v=1; i=a=40b@example.test;'),
  sha1: (message) => message.replace('rsa-sha256', 'rsa-sha1'),
  algorithm: (message) => message.replace(/a=\w+-sha256/, 'a=dsa-sha256'),
  canonicalization: (message) => message.replace(/c=[^;]*/, 'c=nofws'),
  'canonicalization left out': (message) => message.replace(/c=[^;]*;/, ''),
  'no selector': (message) => message.replace(/ s=[^;]*/, ' s='),
  'selector with a space': (message) => message.replace(/ s=[^;]*/, ' s=a b'),
  'bh= cut': (message) => message.replace(/bh=../, 'bh='),
  'b= cut': (message) => message.replace(/ b=..../, ' b='),
}

const signing = fc.record({
  selector: fc.constantFrom(...Object.keys(records), 'missing'),
  canonicalization: fc.constantFrom(
    'relaxed/relaxed',
    'simple/simple',
    'relaxed/simple',
    'simple/relaxed',
  ),
  limit: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 6 }),
})

/** The two words for a key that is none are told apart differently. */
const plainly = (comment = ''): string =>
  comment.replace(/ \(.*/, '').replace(/unknown key type|invalid public key/, 'unusable key')

test('of any message, however it was signed and changed, both verifiers say the same', async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(
      headerLines,
      text,
      signing,
      fc.constantFrom(...Object.keys(changes)),
      async (lines, body, { selector, canonicalization, limit }, change) => {
        const plain = `${['From: a@example.test', ...lines].join('\r\n')}\r\n\r\n${body.toString('latin1')}`
        const isEd = selector === 'ed' || selector === 'undeclared'
        const privateKey = isEd
          ? ed.privateKey.export({ type: 'pkcs8', format: 'pem' })
          : rsa.privateKey
        const { signatures } = await dkimSign(Buffer.from(plain, 'latin1'), {
          canonicalization,
          signatureData: [
            {
              signingDomain: 'example.test',
              selector,
              privateKey,
              ...(limit === undefined ? {} : { maxBodyLength: limit }),
            },
          ],
        } as never)
        const message = Buffer.from(changes[change]?.(signatures + plain) ?? '', 'latin1')
        const theirs = (await dkimVerify(message, {
          strict: true,
          minBitLength: 1024,
          resolver: resolve as never,
        })) as unknown as {
          results: readonly {
            readonly signingDomain?: string
            readonly status: {
              readonly result: string
              readonly comment?: string
              readonly policy?: { readonly 'dkim-rules'?: string }
            }
          }[]
        }
        const given = captured(message)
        const ours = await verifyDkim(given, rawFields(given.header), 10, resolve)
        const told = theirs.results
          .filter(({ signingDomain }) => signingDomain !== undefined)
          .map(({ status }) => [
            status.result,
            plainly(status.comment ?? status.policy?.['dkim-rules']),
          ])
        expect(ours.signatures.map(({ result, comment }) => [result, plainly(comment)])).toEqual(
          told,
        )
        for (const [result = '', comment = ''] of told) {
          const key = `${result} ${comment}`
          seen.set(key, (seen.get(key) ?? 0) + 1)
        }
      },
    ),
    { numRuns: 1500 },
  )
  // Both saying `fail` of everything would be no agreement worth having.
  expect(seen.get('pass ')).toBeGreaterThan(50)
  expect(seen.size).toBeGreaterThan(10)
})
