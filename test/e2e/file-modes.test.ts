/** D§2.6: what Postern and its helpers write is readable by its user alone, files and directories, sockets too. */
import { lstatSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { bounce, queued, send } from '../support/bounces.ts'
import { freePort } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'
import { webhookSecret } from '../support/targets.ts'

afterAll(stopAll)

/** Everything below a directory, itself first, that others than its owner may read, write or search. */
function openPlaces(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const all = [directory, ...names.map((name) => join(directory, name))]
  return all.filter((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    // A symbolic link has no mode of its own.
    return found !== undefined && !found.isSymbolicLink() && (found.mode & 0o077) !== 0
  })
}

const rules = {
  Metadata: { Name: 'default' },
  Rules: [
    {
      Name: 'keep',
      Enabled: true,
      ScanEnabled: true,
      Actions: [
        { S3Action: { BucketName: 'inbox', ObjectKeyPrefix: 'deep/er' } },
        { WebhookAction: { Endpoint: 'nowhere' } },
      ],
    },
    {
      Name: 'held',
      Enabled: true,
      Recipients: ['held@example.test'],
      Actions: [{ QuarantineAction: { Reason: 'all of it' } }],
    },
    {
      Name: 'given-up',
      Enabled: true,
      Recipients: ['given-up@example.test'],
      Actions: [{ S3Action: { BucketName: 'archive' }, RetryTimeMinutes: 0, OnFailure: 'HOLD' }],
    },
    {
      Name: 'closed',
      Enabled: true,
      Recipients: ['closed@example.test'],
      Actions: [bounce('550', '5.2.1', 'Closed')],
    },
  ],
}

/** Nothing answers at the other end of anything, so that each feature leaves its files. */
async function startWithEverything(): Promise<RunningPostern> {
  const nowhere = await freePort()
  return startPostern({
    rules,
    config: {
      virus: { clamd: 'auto' },
      smtp: { processes: 2, memoryMessageBytes: 1024 },
      delivery: { retrySeconds: 3600, firstRetryMs: 60_000, maxRetryMs: 60_000 },
      bounces: { relay: `127.0.0.1:${nowhere}` },
      resources: {
        buckets: {
          archive: {
            type: 's3',
            bucket: 'archive',
            endpoint: `http://127.0.0.1:${nowhere}`,
            accessKeyId: 'a',
            secretAccessKey: 'b',
          },
        },
        webhooks: { nowhere: { url: `http://127.0.0.1:${nowhere}/`, secret: webhookSecret } },
      },
    },
  })
}

test('no file and no directory of a run is open to the group or to others', async () => {
  const postern = await startWithEverything()
  const to = [
    'you@example.test',
    'held@example.test',
    'given-up@example.test',
    'closed@example.test',
  ]
  const replies = await send(postern, '<ann@sender.test>', to, 'From: a@b.test\r\n\r\nb\r\n')
  expect(replies.at(-1)?.code).toBe(250)
  const unfinished = await SmtpClient.connect(postern)
  await unfinished.hello()
  await unfinished.envelope('ann@sender.test', 'you@example.test')
  await unfinished.writeAll(Buffer.from(`Subject: s\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(100)))

  const names = (place: string): string[] => readdirSync(join(postern.dataDir, place))
  await until(
    () =>
      names('spool/incoming').length > 0 &&
      names('spool/progress').length > 0 &&
      names('store').includes('quarantine') &&
      names('redis').length > 0 &&
      queued(postern).length > 0,
  )
  const features = ['dead', 'haraka', 'keys', 'outbound', 'redis', 'spool', 'store', 'tls']
  expect(names('.')).toEqual(expect.arrayContaining(features))
  expect(openPlaces(postern.dataDir)).toEqual([])
  const socket = /clamd at unix:(\S+)/.exec(postern.output())?.[1] ?? ''
  expect(openPlaces(dirname(socket))).toEqual([])
  unfinished.destroy()
})
