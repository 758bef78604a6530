/** A spool record for tests that are not about what it says. Loads no vitest: child processes use it too. */
import { newMessageId } from '../../src/mail/message-id.ts'
import { allDisabled } from '../../src/mail/verdict.ts'
import type { SpoolRecord } from '../../src/spool/record.ts'

/** What `Draft.commit` takes: a record but for the message's size and sum. */
export function restOfRecord(
  id: string = newMessageId(Date.now()),
): Omit<SpoolRecord, 'size' | 'sha256'> {
  return {
    version: 1,
    id,
    time: '2026-03-02T09:15:27.000Z',
    envelope: {
      remoteIp: '192.0.2.1',
      helo: 'client.example.test',
      reversePath: 'sender@example.test',
      recipients: ['you@example.test'],
      protocol: 'ESMTP',
    },
    verdicts: allDisabled('test'),
    ruleSet: 'default',
    plan: [
      {
        rule: 'all',
        action: { S3Action: { BucketName: 'inbox' } },
        recipients: ['you@example.test'],
        scan: true,
      },
    ],
  }
}
