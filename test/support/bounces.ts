/** A Postern that bounces, and the one of the sender beside it, which takes the bounce messages. Both are real. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Message } from '../../src/client/index.ts'
import { type RunningPostern, startPostern, until } from './postern.ts'
import { type Reply, SmtpClient } from './smtp-client.ts'

const store = { S3Action: { BucketName: 'inbox' } }

/** For the domain of the senders. */
export function startSendersServer(port = 0): Promise<RunningPostern> {
  return startPostern({
    config: { hostname: 'mx.sender.test', smtp: { listen: [`127.0.0.1:${port}`] } },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [
        {
          Name: 'all',
          Enabled: true,
          Recipients: ['sender.test', 'bücher.test'],
          Actions: [store],
        },
      ],
    },
  })
}

/** `bounce(code, status, text)`: a BounceAction. */
export function bounce(SmtpReplyCode: string, StatusCode: string, Message: string) {
  return { BounceAction: { SmtpReplyCode, StatusCode, Message, Sender: 'desk@example.test' } }
}

/** MAIL FROM with its parameters, RCPT TO each, the message: all replies, in order. */
export async function send(
  to: { readonly host: string; readonly port: number },
  from: string,
  recipients: readonly string[],
  message: string | Uint8Array,
): Promise<readonly Reply[]> {
  const client = await SmtpClient.connect(to)
  await client.hello()
  const replies = [await client.command(`MAIL FROM:${from}`)]
  for (const each of recipients) replies.push(await client.command(`RCPT TO:<${each}>`))
  if (replies.slice(1).some(({ code }) => code < 300)) {
    await client.command('DATA')
    replies.push(await client.message(Buffer.from(message)))
  }
  await client.quit()
  return replies
}

/** The messages at the sender's server, once there are `count` and no more is under way. */
export async function arrived(server: RunningPostern, count: number): Promise<readonly Message[]> {
  const mailbox = await server.mailbox()
  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { key } of mailbox.list()) found.push(key)
    return found
  }
  await until(async () => server.spooled().length === 0 && (await keys()).length >= count)
  return Promise.all((await keys()).map((key) => mailbox.get(key)))
}

/** Files in Haraka's queue on disk, of one worker. */
export function queued({ dataDir }: RunningPostern, worker = 0): string[] {
  try {
    const directory = join(dataDir, 'outbound', String(worker), 'queue')
    return readdirSync(directory).map((name) => join(directory, name))
  } catch {
    // Nothing was ever sent.
    return []
  }
}
