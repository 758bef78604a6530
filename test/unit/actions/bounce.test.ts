/** BounceAction in the worker: sent to whom it may be, and the same message on a second run. */
import { afterEach, expect, test, vi } from 'vitest'
import type { Delivery } from '../../../src/actions/action.ts'
import { bounceAction } from '../../../src/actions/bounce.ts'
import { log } from '../../../src/log.ts'
import { restOfRecord } from '../../support/record.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function deliveryOf(reversePath: string, message: string, Sender = 'desk@example.test'): Delivery {
  const { envelope, ...rest } = restOfRecord()
  return {
    record: { ...rest, envelope: { ...envelope, reversePath }, size: message.length, sha256: '' },
    planned: {
      rule: 'closed',
      action: {
        BounceAction: { SmtpReplyCode: '550', StatusCode: '5.2.1', Message: 'Closed', Sender },
      },
      recipients: ['ann@example.test'],
      scan: false,
    },
    added: [],
    async *message() {
      yield Buffer.from(message)
    },
    noticeId: 'notice-1',
  }
}

function sending() {
  const sent: { to: string; text: string }[] = []
  const action = bounceAction({
    hostname: 'mx.example.test',
    maxHeaderBytes: 65_536,
    send: async (to, message) => {
      sent.push({ to, text: message.toString('latin1') })
    },
  })
  return { sent, action }
}

const person = 'From: a@b.test\r\nSubject: hello\r\n\r\nThe body is nobody’s business.\r\n'

test('the bounce message goes to the reverse-path, with the rule’s words and no body', async () => {
  const { sent, action } = sending()
  await action(deliveryOf('a@b.test', person))
  expect(sent.map(({ to }) => to)).toEqual(['a@b.test'])
  expect(sent[0]?.text).toContain('From: Mail Delivery System <desk@example.test>\r\n')
  expect(sent[0]?.text).toContain('Final-Recipient: rfc822; ann@example.test\r\n')
  expect(sent[0]?.text).toContain('Diagnostic-Code: smtp; 550 5.2.1 Closed\r\n')
  expect(sent[0]?.text).toContain('Subject: hello\r\n')
  expect(sent[0]?.text).not.toContain('business')
})

test('a second run sends the message of the first once more: same Message-ID', async () => {
  const { sent, action } = sending()
  await action(deliveryOf('a@b.test', person))
  await action(deliveryOf('a@b.test', person))
  const ids = sent.map(({ text }) => /^Message-ID: .*$/m.exec(text)?.[0].trimEnd())
  expect(ids).toEqual(Array(2).fill('Message-ID: <bounce-notice-1@mx.example.test>'))
})

test('a bounce that no rule wrote comes from this server', async () => {
  const { sent, action } = sending()
  await action(deliveryOf('a@b.test', person, ''))
  expect(sent[0]?.text).toContain('From: Mail Delivery System <MAILER-DAEMON@mx.example.test>\r\n')
})

const unanswered = [
  // reverse-path, message, reason, why
  ['', person, 'null-reverse-path', 'a bounce'],
  ['a@b.test', `List-Id: <x.test>\r\n${person}`, 'a-list', 'a list'],
  ['a@b.test', `Auto-Submitted: auto-replied\r\n${person}`, 'auto-submitted', 'another machine'],
] as const

test.for(unanswered)(
  'from <%s>, %j gets none, and the log says %s: %s',
  async ([from, message, why]) => {
    const info = vi.spyOn(log, 'info').mockImplementation(() => {})
    const { sent, action } = sending()
    const delivery = deliveryOf(from, message)
    await action(delivery)
    expect(sent).toEqual([])
    const { id } = delivery.record
    expect(info).toHaveBeenCalledWith({ id, rule: 'closed', why }, 'No bounce message is sent')
  },
)

test('what the queue does not take is tried again: the action is not done', async () => {
  const action = bounceAction({
    hostname: 'mx.example.test',
    maxHeaderBytes: 65_536,
    send: () => Promise.reject(new Error('disk full')),
  })
  await expect(action(deliveryOf('a@b.test', person))).rejects.toThrow('disk full')
})
