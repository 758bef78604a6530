/** Mail with an attachment, each one different, signed by a domain that publishes SPF, DKIM and DMARC. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'

export type Messages = {
  /** What the name server has to answer. */
  readonly zones: Readonly<Record<string, { readonly TXT: readonly string[] }>>
  /** Sender of the signed ones; a sender whose domain publishes nothing. */
  readonly from: string
  readonly unknown: string
  /** A message of about so many octets, with CRLF at its end and no line that begins with a dot. */
  readonly make: (octets: number) => Promise<{ readonly signed: Buffer; readonly plain: Buffer }>
}

export function newSigner(): Messages {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const options = {
    canonicalization: 'relaxed/relaxed',
    signatureData: [{ signingDomain: 'good.test', selector: 'rsa', privateKey }],
  }
  return {
    zones: {
      'good.test': { TXT: ['v=spf1 ip4:127.0.0.0/8 -all'] },
      'rsa._domainkey.good.test': { TXT: [`v=DKIM1; p=${publicKey.toString('base64')}`] },
      '_dmarc.good.test': { TXT: ['v=DMARC1; p=reject'] },
    },
    from: 'a@good.test',
    unknown: 'a@unknown.test',
    async make(octets) {
      const text = messageFrom('a@good.test', octets)
      const { signatures } = await dkimSign(text, options as never)
      return {
        signed: Buffer.from(signatures + text),
        plain: Buffer.from(messageFrom('a@unknown.test', octets)),
      }
    },
  }
}

/** Random octets: scanners keep what they found for what they have seen before. */
function messageFrom(from: string, octets: number): string {
  const content = randomBytes(Math.floor((octets / 78) * 57)).toString('base64')
  return [
    `From: <${from}>`,
    'To: <you@example.test>',
    'Subject: figures',
    `Message-ID: <${randomBytes(8).toString('hex')}@${from.slice(2)}>`,
    `Date: ${new Date().toUTCString()}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b"',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'The figures are attached.',
    '--b',
    'Content-Type: application/octet-stream; name="figures.bin"',
    'Content-Transfer-Encoding: base64',
    '',
    content.replace(/.{76}/g, '$&\r\n'),
    '--b--',
    '',
  ].join('\r\n')
}
