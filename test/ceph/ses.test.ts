/**
 * One application, two buckets on a real S3: one that Amazon SES wrote (test/support/ses-bucket.ts stands
 * for it), one that a whole Postern wrote. Nothing but where they are differs.
 */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  isDangerous,
  kmsDecrypt,
  kmsKey,
  type MailKey,
  openMailbox,
  readKey,
  s3Store,
} from '../../src/client/index.ts'
import { newMessageId } from '../../src/mail/message-id.ts'
import { s3ObjectStore } from '../../src/store/s3.ts'
import { type CephConnection, cephClient, newBucket } from '../support/ceph.ts'
import { kmsClient, newDataKeys } from '../support/data-keys.ts'
import { type RunningKms, startKms } from '../support/kms.ts'
import { startPostern, stopAll } from '../support/postern.ts'
import { byRuby } from '../support/ruby.ts'
import {
  putPlaintext,
  putSealed,
  putSetupNotification,
  sealingRule,
  sesFields,
} from '../support/ses-bucket.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const ceph = inject('ceph')
const client = cephClient(ceph)
const sender = 'ada@sender.example'
const recipient = 'you@example.test'
const messages = [1, 2].map((n) =>
  Buffer.from(
    `From: ${sender}\r\nSubject: Invoice ${n}\r\nX-SES-Spam-Verdict: FAIL\r\n\r\n${n}\r\n`,
  ),
)

let kms: RunningKms
let amazon: ReturnType<typeof kmsClient>
let keys: readonly MailKey[]
let ofSes: string
let ofPostern: string

beforeAll(async () => {
  kms = await startKms()
  amazon = kmsClient(kms)
  ofSes = await newBucket(client, 'ses')
  ofPostern = await newBucket(client, 'postern')
  keys = [await mailOfPostern(), await mailOfSes()]
})

afterAll(async () => {
  await stopAll()
  amazon.destroy()
  await kms.stop()
  client.destroy()
})

/** One of a rule without a KmsKeyArn and one of a rule with: the key in KMS is what opens that. */
async function mailOfSes(): Promise<MailKey> {
  const store = s3ObjectStore({ client, bucket: ofSes })
  const [first = Buffer.of(), second = Buffer.of()] = messages
  await putSetupNotification(store, 'mail')
  await putPlaintext(store, first, newMail(), { prefix: 'mail' })
  await putSealed(store, second, newDataKeys(amazon, kms.arn), newMail(), {
    ...sealingRule,
    prefix: 'mail',
  })
  return kmsKey(kmsDecrypt(amazon))
}

function newMail() {
  return { id: newMessageId(Math.random() * 2 ** 47), recipient }
}

/** Its own key is what opens it. */
async function mailOfPostern(): Promise<MailKey> {
  const { endpoint, accessKeyId, secretAccessKey } = ceph
  const store = { type: 's3', endpoint, forcePathStyle: true, accessKeyId, secretAccessKey }
  const action = { S3Action: { BucketName: ofPostern, ObjectKeyPrefix: 'mail' } }
  const rule = { Name: 'all', Enabled: true, Actions: [action] }
  const rules = { Metadata: { Name: 'default' }, Rules: [rule] }
  const postern = await startPostern({ config: { store }, rules })
  const smtp = await SmtpClient.connect(postern)
  await smtp.hello()
  for (const message of messages) {
    await smtp.envelope(sender, recipient)
    expect((await smtp.message(message)).code).toBe(250)
  }
  await smtp.quit()
  await postern.delivered()
  return readKey(`${postern.dataDir}/keys/main.key`)
}

type Place = Pick<CephConnection, 'endpoint'> & { readonly bucket: string }

/** The application: it takes the mail of a bucket in and acts on its verdicts. */
async function takeIn({ endpoint, bucket }: Place) {
  const s3 = cephClient({ ...ceph, endpoint })
  try {
    const mailbox = openMailbox({ store: s3Store({ client: s3, bucket }), keys, legacy: true })
    const taken = []
    for await (const item of mailbox.list({ prefix: 'mail/' })) {
      const { receipt, headers, original } = await mailbox.get(item.key)
      const { original: again } = await mailbox.stream(item.key)
      expect(receipt.id).toBe(item.id)
      expect(Buffer.concat(await Array.fromAsync(again)).equals(original)).toBe(true)
      taken.push({
        from: receipt.envelope.reversePath,
        recipients: receipt.recipients,
        subject: headers.get('subject'),
        content: Buffer.from(original).toString('latin1'),
        size: receipt.size,
        sha256: receipt.sha256,
        dangerous: isDangerous(receipt),
        spam: receipt.verdicts.spam.verdict === 'FAIL',
      })
    }
    return taken.sort((a, b) => a.content.localeCompare(b.content))
  } finally {
    s3.destroy()
  }
}

test('an application reads the same from both', async () => {
  const { endpoint } = ceph
  const fromSes = await takeIn({ endpoint, bucket: ofSes })
  const fromPostern = await takeIn({ endpoint, bucket: ofPostern })
  expect(fromSes.map(({ content }) => content)).toEqual(messages.map(String))
  expect(fromSes[0]).toMatchObject({ from: sender, recipients: [recipient], spam: false })
  expect(fromPostern).toEqual(fromSes)
})

test("what stands for SES's sealed objects is opened by Amazon's own client, too", async () => {
  const store = s3ObjectStore({ client, bucket: ofSes })
  const [message = Buffer.of()] = messages
  const mail = newMail()
  const key = await putSealed(store, message, newDataKeys(amazon, kms.arn), mail)
  const content = Buffer.concat([Buffer.from(sesFields(mail)), message])
  const task = { key: { kms: kms.arn }, bucket: ofSes, object: key } as const
  const [v1, v2, legacy] = await byRuby({ s3: ceph, kms }, [
    { ...task, client: 'V1' },
    { ...task, client: 'V2' },
    { ...task, client: 'V2', legacy: true },
  ])
  const whole = { sha256: createHash('sha256').update(content).digest('hex') }
  expect(v1).toMatchObject(whole)
  expect(v2?.error).toContain('LegacyDecryptionError')
  expect(legacy).toMatchObject(whole)
})
