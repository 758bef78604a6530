/**
 * SPF, DKIM, DMARC and ARC on what a sender and his name server make up: before a line of `===` what every
 * question is answered with, a record a line; behind it the message.
 */
import type { Dns } from '../../../src/dns/resolver.ts'
import { capturedFrom } from '../../../src/mail/captured.ts'
import { headerFields } from '../../../src/mail/header-fields.ts'
import { prependedFields } from '../../../src/mail/prepend.ts'
import type { Receipt } from '../../../src/mail/receipt.ts'
import { allDisabled } from '../../../src/mail/verdict.ts'
import { authenticate } from '../../../src/verdicts/authenticate.ts'
import { restOfRecord } from '../../../test/support/record.ts'
import { holds, octetsOf, type Target } from '../target.ts'

const options = {
  hostname: 'mx.here.test',
  maxSignatures: 10,
  maxDnsQueries: 100,
  trustedSealers: [],
}
const client = { remoteIp: '192.0.2.10', helo: 'mail.sender.test', reversePath: 'ann@sender.test' }
const words = ['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED']

/** Plays a name server that answers every question alike; as the resolver, it counts them. */
function dnsOf(records: readonly string[]): Dns {
  const noData = (): Error => Object.assign(new Error('no data'), { code: 'ENODATA' })
  const resolve = async (_name: string, type: string): Promise<unknown> => {
    if (records.length === 0) throw noData()
    if (type === 'TXT') return records.map((text) => [text])
    if (type === 'MX') return records.map((exchange) => ({ exchange, priority: 1 }))
    return records
  }
  return {
    resolve,
    reverse: async () => [...records],
    budgeted(max) {
      let asked = 0
      return (name, type) => {
        asked += 1
        if (asked > max)
          return Promise.reject(Object.assign(new Error('budget'), { code: 'EBUDGET' }))
        return resolve(name, type)
      }
    },
    close: () => {},
  }
}

async function run(input: Uint8Array): Promise<void> {
  const octets = Buffer.from(input)
  const split = octets.indexOf('\n===\n')
  const records = split < 0 ? [] : octets.toString('utf8', 0, split).split('\n').slice(0, 50)
  const message = capturedFrom(split < 0 ? octets : octets.subarray(split + 5))
  const found = await authenticate(
    message,
    client,
    options,
    dnsOf(records),
    AbortSignal.timeout(60_000),
  )
  for (const name of ['spf', 'dkim', 'dmarc'] as const)
    holds(words.includes(found[name].verdict), `${name} has a verdict`)
  holds(found.dkim.verdict !== 'PASS', 'nothing passes DKIM that nobody signed')
  holds(JSON.stringify(found).length < 256 * 1024, 'what is kept of it is bounded')

  const rest = restOfRecord(`${'0'.repeat(39)}1`)
  const receipt = {
    ...rest,
    verdicts: { ...allDisabled('test'), ...found },
    rule: 'all',
    recipients: ['you@example.test'],
    size: message.size,
    sha256: '00'.repeat(32),
  } as unknown as Receipt
  const written = prependedFields('mx.here.test', receipt, []).toString('latin1')
  holds(!/\0|\r(?!\n)|(?<!\r)\n/.test(written), 'our fields have no bare CR or LF and no NUL')
  holds(
    written.split('\r\n').every((line) => line.length <= 998),
    'RFC 5322 §2.1.1: 998 octets',
  )
  const names = headerFields(Buffer.from(written, 'latin1')).map(({ name }) => name)
  holds(
    names.every((name) => ours.has(name)),
    'no field of ours can be made to be another',
  )
}

const ours = new Set([
  ...['Return-Path', 'Received', 'X-SES-Spam-Verdict', 'X-SES-Virus-Verdict', 'Received-SPF'],
  ...['Authentication-Results', 'X-Postern-Receipt', 'X-SES-Receipt'],
])

const signed = [
  'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.test; s=sel; h=from:subject; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=AAAA',
  'ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=sender.test; s=sel; b=AAAA',
  'ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.test; s=sel; h=from; bh=AAAA; b=AAAA',
  'ARC-Authentication-Results: i=1; mx.x.test; spf=pass smtp.mailfrom=a@b.test; dmarc=pass header.from=b.test',
  'From: Ann <ann@sender.test>',
  'Subject: x',
  '',
  'body',
  '',
].join('\r\n')

const tokens = [
  ...[
    'v=spf1 ',
    'include:',
    'exists:%{l1r+-}.%{d}',
    'redirect=',
    'a:',
    'mx',
    'ip4:',
    'ip6:::/0',
    'ptr',
    '-all',
    '+all',
    '%{',
    '%%',
  ],
  ...[
    'v=DMARC1; ',
    'p=reject;',
    'sp=',
    'pct=',
    'np=',
    'psd=y',
    't=y',
    'adkim=s',
    'rua=mailto:',
    'v=DKIM1; ',
    'k=ed25519;',
    'p=',
    'h=',
    't=s',
  ],
  ...[
    'DKIM-Signature: ',
    'ARC-Seal: ',
    'ARC-Message-Signature: ',
    'From: ',
    'i=2;',
    'l=1;',
    'x=1;',
    'z=',
    'a=ed25519-sha256;',
    'c=simple/simple;',
    'h=from:from',
  ],
  ...['\r\n', '\r\n ', '\n===\n', ';', '=', '"', '<', '@', '(', '\t', 'ü', '\\'],
]

export const targets: readonly Target[] = [
  {
    name: 'authentication',
    seeds: octetsOf(
      `v=spf1 include:a.test exists:%{i}.b.test -all\n===\n${signed}`,
      `v=DMARC1; p=reject; rua=mailto:a@b.test\nv=spf1 a mx ip4:192.0.2.0/24 ~all\n===\n${signed}`,
      `v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA5QRVIg2rA/FGA8hUInqGMFo744z3rmVbCdaGduyd5t93qEhLAhVKY8Ih0JEKq0naL6DfR39 AQAB\n===\n${signed}`,
    ),
    tokens,
    run,
    maxBytes: 64 * 1024,
  },
]
