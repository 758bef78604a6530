/** One message and the rule steps that the payload fixtures and docs/notifications.md are about. */
import type { Delivery } from '../../../src/actions/action.ts'
import { lambdaAction } from '../../../src/actions/call-function.ts'
import type { NoticeCollaborators } from '../../../src/actions/notice.ts'
import { snsAction, topicNotice, webhookAction } from '../../../src/actions/publish.ts'
import type { KeptMessage } from '../../../src/mail/receipt.ts'
import type { Verdicts } from '../../../src/mail/verdict.ts'
import type { FunctionTarget } from '../../../src/notify/function.ts'
import type { Notice, Topic } from '../../../src/notify/topic.ts'
import type { RuleAction } from '../../../src/rules/rule-set.ts'

export const topicArn = 'arn:aws:sns:eu-west-1:123456789012:mail-events'
export const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:triage'
const id = 'k3v0q8m1t6c9f2s5h7r4n0b8d1p6g9j2l5u7a401'

const head = [
  'From: "Ada L." <ada@sender.example>',
  'To: Help <help@mail.example.net>',
  'Cc: audit@other.example',
  'Subject: Invoice 77',
  'Date: Mon, 02 Mar 2026 09:15:25 +0000',
  'Message-ID: <m-77@sender.example>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
]
export const message = `${head.join('\r\n')}\r\n\r\nHello\r\n`

const pass = { verdict: 'PASS' } as const
const passed: Verdicts = {
  spf: { ...pass, result: 'pass', identity: 'mailfrom', domain: 'sender.example' },
  dkim: {
    ...pass,
    signatures: [{ result: 'pass', domain: 'sender.example', selector: 's1', aligned: true }],
  },
  dmarc: { ...pass, result: 'pass', domain: 'sender.example' },
  spam: pass,
  virus: pass,
}

export type Step = {
  readonly message?: string
  readonly verdicts?: Partial<Verdicts>
  readonly delivery?: Partial<Delivery>
  readonly record?: Partial<KeptMessage>
  readonly scan?: boolean
  readonly maxContentBytes?: number
  readonly objectUrl?: NoticeCollaborators['objectUrl']
}

/** What a step has sent; the target stands for a topic, a webhook or a function, and only remembers. */
export async function sentFor(
  action: RuleAction,
  notice: boolean,
  given: Step = {},
): Promise<Notice> {
  const octets = Buffer.from(given.message ?? message, 'utf8')
  const record: KeptMessage = {
    id,
    time: '2026-03-02T09:15:27.412Z',
    envelope: {
      remoteIp: '198.51.100.7',
      remoteHost: 'mta1.sender.example',
      helo: 'mta1.sender.example',
      reversePath: 'ada@sender.example',
      recipients: ['help@mail.example.net'],
      protocol: 'ESMTP',
    },
    ruleSet: 'default',
    verdicts: { ...passed, ...given.verdicts },
    size: octets.length,
    sha256: '00'.repeat(32),
    ...given.record,
  }
  const delivery: Delivery = {
    record,
    planned: {
      rule: 'support',
      action,
      recipients: ['help@mail.example.net'],
      scan: given.scan ?? true,
      ...(notice ? { notice } : {}),
    },
    added: [],
    async *message() {
      yield octets
    },
    noticeId: `${id}-0`,
    ...given.delivery,
  }
  const sent: Notice[] = []
  const topic: Topic = {
    describe: 'test',
    async publish(one) {
      sent.push(one)
    },
    close() {},
  }
  const functionTarget: FunctionTarget = {
    describe: 'test',
    async invoke(body, invocation) {
      sent.push({ id: invocation.id, subject: invocation.type, body })
      return 'CONTINUE'
    },
    close() {},
  }
  const collaborators = {
    hostname: 'mx.example.net',
    maxHeaderBytes: 524_288,
    maxContentBytes: given.maxContentBytes ?? 153_600,
    objectUrl: given.objectUrl ?? (async () => undefined),
    now: () => Date.parse(record.time) + 731,
    topic: () => topic,
    webhook: () => topic,
    functionTarget: () => functionTarget,
  }
  const act = notice
    ? topicNotice(collaborators)
    : 'SNSAction' in action
      ? snsAction(collaborators)
      : 'LambdaAction' in action
        ? lambdaAction(collaborators)
        : webhookAction(collaborators)
  await act(delivery)
  const [only] = sent
  if (only === undefined) throw new Error('nothing was sent')
  return only
}

const url = 'https://s3.example.net/acme-inbox/raw/help/k3v0…?X-Amz-Expires=3600&X-Amz-Signature=…'
export const objectUrl = async () => ({ url, urlExpires: '2026-03-02T10:15:28.143Z' })
export const s3Action = { BucketName: 'acme-inbox', ObjectKeyPrefix: 'raw/help' }

/** Each payload that we send, by the name of its fixture. */
export const payloads: Readonly<Record<string, () => Promise<Notice>>> = {
  s3: () => sentFor({ S3Action: { ...s3Action, TopicArn: topicArn } }, true, { objectUrl }),
  'sns-utf-8': () => sentFor({ SNSAction: { TopicArn: topicArn, Encoding: 'UTF-8' } }, false),
  'sns-base64': () => sentFor({ SNSAction: { TopicArn: topicArn, Encoding: 'Base64' } }, false),
  lambda: () =>
    sentFor(
      { LambdaAction: { FunctionArn: functionArn, InvocationType: 'RequestResponse' } },
      false,
    ),
  bounce: () =>
    sentFor(
      {
        BounceAction: {
          SmtpReplyCode: '550',
          StatusCode: '5.6.1',
          Message: 'Unauthenticated mail is not accepted',
          Sender: 'postmaster@mail.example.net',
          TopicArn: topicArn,
        },
      },
      true,
      {
        verdicts: {
          spam: { verdict: 'GRAY' },
          spf: { verdict: 'FAIL', result: 'fail', identity: 'mailfrom', domain: 'sender.example' },
          dkim: { verdict: 'GRAY' },
          dmarc: { verdict: 'FAIL', result: 'fail', domain: 'sender.example' },
          dmarcPolicy: 'reject',
        },
      },
    ),
  stop: () =>
    sentFor({ StopAction: { Scope: 'RuleSet', TopicArn: topicArn } }, true, { scan: false }),
  'webhook-by-reference': () =>
    sentFor({ WebhookAction: { Endpoint: 'app', Content: 'UTF-8' } }, false, {
      objectUrl,
      maxContentBytes: 64,
      delivery: { stored: s3Action },
    }),
  'quarantine-replayed': () =>
    sentFor({ QuarantineAction: { Reason: 'macro', TopicArn: topicArn } }, true, {
      record: { replay: { of: id, from: 'store', time: '2026-03-03T08:00:00.000Z' } },
    }),
}
