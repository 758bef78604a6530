/**
 * A topic: whoever is to be told. What stands behind an ARN of a rule is the configuration's
 * (resources.topics): SNS, SQS, a webhook or a Redis stream; what it does not map is SNS at AWS.
 */
import type { Cluster, Redis } from 'ioredis'
import type { TopicConfig, WebhookConfig } from '../config/targets.ts'
import { openSns, openSqs } from './aws.ts'
import { openPost } from './http-post.ts'
import { secretsOf, signedHeaders } from './signature.ts'

export type Notice = {
  /** The same on every attempt: receivers know repetitions by it. */
  readonly id: string
  readonly subject: string
  /** JSON. */
  readonly body: string
}

export type Topic = {
  /** Kind and place for people: no secret in it, no query string. */
  readonly describe: string
  /** Resolves when the target has it. */
  readonly publish: (notice: Notice) => Promise<void>
  readonly close: () => void
}

/** `arn`: as the rule names it. `redis`: the server's own. */
export function openTopic(
  arn: string,
  place: TopicConfig | undefined,
  redis: () => Redis | Cluster,
): Topic {
  switch (place?.type) {
    case 'webhook':
      return openWebhook(place)
    case 'redis':
      return redisStream(place, redis)
    case 'sqs':
      return openSqs(place)
    default:
      return openSns(arn, place)
  }
}

/** Nobody needs more of a webhook's answer. */
const maxResponseBytes = 64 * 1024

export function openWebhook(place: WebhookConfig): Topic {
  const { post, describe, close } = openPost({ ...place, maxResponseBytes })
  const secrets = secretsOf(place.secret)
  return {
    describe: `webhook ${describe}`,
    async publish({ id, body }) {
      await post(body, signedHeaders(id, body, secrets, Date.now()))
    },
    close,
  }
}

function redisStream(
  { stream, maxLength }: Extract<TopicConfig, { type: 'redis' }>,
  redis: () => Redis | Cluster,
): Topic {
  return {
    describe: `Redis stream ${stream}`,
    async publish({ id, subject, body }) {
      const fields = ['id', id, 'subject', subject, 'body', body]
      await redis().xadd(stream, 'MAXLEN', '~', maxLength, '*', ...fields)
    },
    // The connection is the server's own.
    close() {},
  }
}
