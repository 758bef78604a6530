/**
 * Writes into a store what Amazon SES writes. Stands for Amazon SES, which cannot run here: the fields it
 * puts before a message, now and in earlier years, are those of real objects (reference §6), as are
 * the metadata and the encryption of a rule with a KmsKeyArn, which Amazon's client for Ruby opens (test/ceph/ses.test.ts).
 */
import { createCipheriv, randomBytes } from 'node:crypto'
import { objectKey } from '../../src/mail/object-key.ts'
import type { ObjectStore } from '../../src/store/object-store.ts'

/** What SES knows of a message; every text stands in the fields as it is here. */
export type SesMail = {
  readonly id: string
  readonly region: string
  readonly helo: string
  readonly host: string
  readonly ip: string
  readonly reversePath: string
  readonly recipient: string
  readonly date: string
  /** Absent: the rule has no ScanEnabled. */
  readonly scan?: { readonly spam: string; readonly virus: string }
  readonly spf: string
  /** What jSPF says in parentheses. */
  readonly spfComment: string
  readonly dkim: readonly { readonly result: string; readonly domain: string }[]
  readonly dmarc?: { readonly result: string; readonly domain: string }
  readonly era: SesEra
}

/**
 * now · 2019: `properties.from` · 2018: no dmarc without a record · 2017: another signature, folded with
 * tabs · 2016: no receipt, no signature · 2015: Return-Path and Received only
 */
export type SesEra = 'now' | '2019' | '2018' | '2017' | '2016' | '2015'

export const sesMail: SesMail = {
  id: 'k3v0q8m1t6c9f2s5h7r4n0b8d1p6g9j2l5u7a401',
  region: 'eu-west-1',
  helo: 'mta1.sender.example',
  host: 'mta1.sender.example',
  ip: '198.51.100.7',
  reversePath: 'ada@sender.example',
  recipient: 'help@mail.example.net',
  date: 'Mon, 02 Mar 2026 09:15:27 +0000 (UTC)',
  scan: { spam: 'PASS', virus: 'PASS' },
  spf: 'pass',
  spfComment: 'spfCheck: domain of sender.example designates 198.51.100.7 as permitted sender',
  dkim: [{ result: 'pass', domain: 'sender.example' }],
  dmarc: { result: 'pass', domain: 'sender.example' },
  era: 'now',
}

/** The fields, in SES's order and on SES's lines. */
export function sesFields(changes: Partial<SesMail> = {}): string {
  const mail = { ...sesMail, ...changes }
  const { helo, host, ip, region, id, recipient, date, era } = mail
  const top = [
    `Return-Path: <${mail.reversePath}>`,
    `Received: from ${helo} (${host} [${ip}])`,
    ` by inbound-smtp.${region}.amazonaws.com with SMTP id ${id}`,
    ` for ${recipient};`,
    ` ${date}`,
  ]
  const fields = era === '2015' ? top : [...top, ...checkFields(mail)]
  return `${fields.join('\r\n')}\r\n`
}

function checkFields(mail: SesMail): string[] {
  const { scan, spf, spfComment, ip, reversePath, host, era } = mail
  const text = `${spf} (${spfComment}) client-ip=${ip}; envelope-from=${reversePath}; helo=${host};`
  const property = era === '2019' ? 'properties.from' : 'header.from'
  return [
    ...(scan ? [`X-SES-Spam-Verdict: ${scan.spam}`, `X-SES-Virus-Verdict: ${scan.virus}`] : []),
    `Received-SPF: ${text}`,
    'Authentication-Results: amazonses.com;',
    ` spf=${text}`,
    ...mail.dkim.map(({ result, domain }) => ` dkim=${result} header.i=@${domain};`),
    ...(mail.dmarc ? [` dmarc=${mail.dmarc.result} ${property}=${mail.dmarc.domain};`] : []),
    ...(era === '2016' ? [] : ['X-SES-RECEIPT: AEFBQUFBQUFBQUFBb3BhcXVl', ...signature(era)]),
  ]
}

function signature(era: SesEra): string[] {
  const name = 'X-SES-DKIM-SIGNATURE'
  return era === '2017'
    ? [
        `${name}: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple;`,
        '\ts=selector1; d=amazonses.com; t=1504327411;',
        '\th=X-SES-RECEIPT:MIME-Version:From:Date:Message-ID:Subject:To:Content-Type;',
        '\tbh=b3BhcXVl;',
        '\tb=b3BhcXVl',
        '\tb3BhcXVl',
      ]
    : [
        `${name}: a=rsa-sha256; q=dns/txt; b=b3BhcXVl; c=relaxed/simple; s=selector1; d=amazonses.com; t=1772442928; v=1; bh=b3BhcXVl; h=From:To:Cc:Bcc:Subject:Date:Message-ID:MIME-Version:Content-Type:X-SES-RECEIPT;`,
      ]
}

/** The probe that creating or changing a rule leaves in its bucket. */
export async function putSetupNotification(store: ObjectStore, prefix?: string): Promise<void> {
  const fields = [
    'Date: Mon, 02 Mar 2026 09:00:00 +0000',
    'To: recipient@example.com',
    'From: Amazon Web Services <no-reply-aws@amazon.com>',
    'Subject: Amazon SES Setup Notification',
  ]
  const text = `${fields.join('\r\n')}\r\n\r\nThis is a test.\r\n`
  await put(store, objectKey(prefix, 'AMAZON_SES_SETUP_NOTIFICATION'), Buffer.from(text), {})
}

export type SesRule = {
  readonly prefix?: string
  /** Fields that an AddHeader action put at the very top, each line with its end. */
  readonly added?: string
}

/** Stores a message as a rule without a KmsKeyArn does, and gives its key. */
export async function putPlaintext(
  store: ObjectStore,
  message: string | Uint8Array,
  changes: Partial<SesMail> = {},
  { prefix, added = '' }: SesRule = {},
): Promise<string> {
  const key = objectKey(prefix, changes.id ?? sesMail.id)
  await put(store, key, contentOf(message, changes, added), {})
  return key
}

/** KMS's GenerateDataKey for AES_256: the data key, and the same encrypted. */
export type NewDataKey = (
  context: Readonly<Record<string, string>>,
) => Promise<{ readonly plaintext: Uint8Array; readonly encrypted: Uint8Array }>

export type SealingRule = SesRule & {
  readonly name: string
  readonly kmsKeyArn: string
  readonly account: string
}

export const sealingRule: SealingRule = {
  name: 'store-support',
  kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:alias/aws/ses',
  account: '123456789012',
}

/** Stores a message as a rule with a KmsKeyArn does, and gives its key. */
export async function putSealed(
  store: ObjectStore,
  message: string | Uint8Array,
  newDataKey: NewDataKey,
  changes: Partial<SesMail> = {},
  rule: SealingRule = sealingRule,
): Promise<string> {
  const id = changes.id ?? sesMail.id
  const key = objectKey(rule.prefix, id)
  const content = contentOf(message, changes, rule.added ?? '')
  const context = {
    'aws:ses:message-id': id,
    'aws:ses:rule-name': rule.name,
    'aws:ses:source-account': rule.account,
    kms_cmk_id: rule.kmsKeyArn,
  }
  const { plaintext, encrypted } = await newDataKey(context)
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', plaintext, iv)
  const body = Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()])
  await put(store, key, body, {
    'x-amz-key-v2': Buffer.from(encrypted).toString('base64'),
    'x-amz-iv': iv.toString('base64'),
    'x-amz-cek-alg': 'AES/GCM/NoPadding',
    'x-amz-wrap-alg': 'kms',
    'x-amz-matdesc': JSON.stringify(context),
    'x-amz-tag-len': '128',
    'x-amz-unencrypted-content-length': String(content.length),
  })
  return key
}

function contentOf(message: string | Uint8Array, changes: Partial<SesMail>, added: string): Buffer {
  return Buffer.concat([Buffer.from(added + sesFields(changes)), Buffer.from(message)])
}

async function put(
  store: ObjectStore,
  key: string,
  body: Buffer,
  metadata: Record<string, string>,
): Promise<void> {
  const contentType = 'application/octet-stream'
  await store.put(key, once(body), { length: body.length, contentType, metadata })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
