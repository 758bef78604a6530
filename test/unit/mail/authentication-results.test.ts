/** Received-SPF and Authentication-Results: what other people's readers make of them, and what no sender can add. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { authenticationFields } from '../../../src/mail/authentication-results.ts'
import type { Envelope } from '../../../src/mail/envelope.ts'
import { allDisabled, type Verdicts } from '../../../src/mail/verdict.ts'

const envelope: Envelope = {
  remoteIp: '192.0.2.1',
  helo: 'client.test',
  reversePath: 'a@b.test',
  recipients: ['you@example.test'],
  protocol: 'ESMTP',
}
const off = allDisabled('off')
const full: Verdicts = {
  ...off,
  spf: {
    verdict: 'PASS',
    result: 'pass',
    identity: 'mailfrom',
    domain: 'b.test',
    comment: 'domain of b.test designates 192.0.2.1 as permitted sender',
    helo: { domain: 'client.test', result: 'none' },
  },
  dkim: {
    verdict: 'PASS',
    signatures: [
      {
        result: 'pass',
        domain: 'b.test',
        selector: 's1',
        identity: '@b.test',
        algorithm: 'rsa-sha256',
        aligned: true,
      },
      {
        result: 'fail',
        domain: 'c.test',
        selector: 's2',
        comment: 'bad signature',
        aligned: false,
      },
    ],
  },
  dmarc: { verdict: 'PASS', result: 'pass', domain: 'b.test', policy: 'reject' },
  arc: { result: 'pass', sets: 1, sealers: ['list.test'] },
}

const unfolded = (field: string): string => field.replace(/\r\n(?=[ \t])/g, '')

/** Debian's python3-authres, an independent reader. */
function readByAuthres(fields: readonly string[]) {
  const script = join(import.meta.dirname, '../../support/read_authres.py')
  const input = JSON.stringify(fields.map(unfolded))
  const output = execFileSync('/usr/bin/python3', [script], { input, encoding: 'utf8' })
  return JSON.parse(output) as readonly {
    readonly host: string
    readonly results: readonly {
      readonly method: string
      readonly result: string
      readonly reason: string | null
      readonly properties: Readonly<Record<string, string>>
    }[]
  }[]
}

const fieldsOf = (verdicts: Verdicts, of: Envelope = envelope) =>
  authenticationFields('mx.example.test', of, verdicts)
const resultsOf = (verdicts: Verdicts) => fieldsOf(verdicts).at(-1) ?? ''

test('another implementation reads every result back (RFC 8601)', () => {
  const [read] = readByAuthres([resultsOf(full)])
  expect(read).toEqual({
    host: 'mx.example.test',
    results: [
      { method: 'spf', result: 'pass', reason: null, properties: { 'smtp.mailfrom': 'b.test' } },
      { method: 'spf', result: 'none', reason: null, properties: { 'smtp.helo': 'client.test' } },
      {
        method: 'dkim',
        result: 'pass',
        reason: null,
        properties: {
          'header.d': 'b.test',
          'header.i': '@b.test',
          'header.s': 's1',
          'header.a': 'rsa-sha256',
        },
      },
      {
        method: 'dkim',
        result: 'fail',
        reason: null,
        properties: { 'header.d': 'c.test', 'header.s': 's2' },
      },
      {
        method: 'dmarc',
        result: 'pass',
        reason: null,
        properties: { 'header.from': 'b.test', 'policy.dmarc': 'reject' },
      },
      { method: 'arc', result: 'pass', reason: null, properties: {} },
    ],
  })
})

test('Received-SPF is as RFC 7208 §9.1 has it', () => {
  expect(unfolded(fieldsOf(full)[0] ?? '')).toBe(
    'Received-SPF: pass (domain of b.test designates 192.0.2.1 as permitted sender)\treceiver=mx.example.test;\tclient-ip=192.0.2.1;\tenvelope-from="a@b.test";\thelo=client.test;\tidentity=mailfrom;',
  )
  const bounce = { ...full, spf: { ...full.spf, identity: 'helo' } } as const
  const ofBounce = unfolded(fieldsOf(bounce, { ...envelope, reversePath: '' })[0] ?? '')
  expect(ofBounce).toContain('identity=helo')
  expect(ofBounce).not.toContain('envelope-from')
  expect(fieldsOf(full, { ...envelope, remoteIp: '2001:db8::1' })[0]).toContain(
    'client-ip="2001:db8::1"',
  )
})

const words = [
  // verdicts, what stands in the field, why
  [off, 'Authentication-Results: mx.example.test; none', 'nothing was evaluated'],
  [
    { ...full, dkim: { verdict: 'GRAY', signatures: [] } },
    'dkim=none',
    'it was looked for, and the message is not signed',
  ],
  [
    { ...full, spf: { verdict: 'PROCESSING_FAILED', reason: 'timeout' } },
    'spf=temperror reason=timeout',
    'doubt is never silent',
  ],
  [
    { ...full, dmarc: { verdict: 'PROCESSING_FAILED', reason: 'from-several' } },
    'dmarc=permerror reason=from-several',
    'RFC 9989 §5.3.1: no later attempt differs',
  ],
  [
    {
      ...full,
      dmarc: {
        ...full.dmarc,
        result: 'fail',
        override: { arcSealer: 'list.test', result: 'fail' },
      },
    },
    'reason="overridden, trusted ARC sealer list.test"',
    'what a local policy changes is visible',
  ],
  [
    { ...full, arc: { result: 'none' } },
    'header.from=b.test policy.dmarc=reject',
    'no chain, no word',
  ],
] as const

test.for(words)('%j reads %s: %s', ([verdicts, text]) => {
  expect(unfolded(resultsOf(verdicts as Verdicts)).replace(/\t ?/g, ' ')).toContain(text)
})

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.constantFrom(
    '"; dmarc=pass header.from=bank.test',
    'x\r\nAuthentication-Results: mx.example.test; dmarc=pass',
    ') dmarc=pass (',
    '\\',
    '"'.repeat(300),
    '(((('.repeat(100),
    'ü'.repeat(300),
    '\ud800',
  ),
)

const anyVerdicts = fc
  .tuple(hostile, hostile, hostile, hostile, hostile)
  .map(([domain, selector, identity, comment, reason]) => ({
    ...full,
    spf: { ...full.spf, domain, comment, helo: { domain: selector, result: 'fail' as const } },
    dkim: {
      verdict: 'FAIL' as const,
      signatures: [
        { result: 'fail' as const, domain, selector, identity, comment, aligned: false },
      ],
    },
    dmarc: {
      verdict: 'FAIL' as const,
      reason,
      result: 'fail' as const,
      domain,
      override: { arcSealer: selector, result: 'fail' as const },
    },
    arc: { result: 'fail' as const, comment },
  }))

test('no text of a sender becomes a line, a field or a result of its own', () => {
  const written: string[] = []
  fc.assert(
    fc.property(anyVerdicts, hostile, hostile, (verdicts, helo, reversePath) => {
      const fields = fieldsOf(verdicts, { ...envelope, helo, reversePath })
      expect(fields.length).toBe(2)
      for (const field of fields) {
        expect(field.replace(/\r\n[\t ]/g, '')).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f]/)
        for (const line of field.split('\r\n')) {
          expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998)
        }
      }
      written.push(fields[1] ?? '')
    }),
    { numRuns: 200 },
  )
  for (const { host, results } of readByAuthres(written)) {
    expect(host).toBe('mx.example.test')
    expect(results.map(({ method, result }) => `${method}=${result}`)).toEqual([
      'spf=pass',
      'spf=fail',
      'dkim=fail',
      'dmarc=fail',
      'arc=fail',
    ])
  }
})
