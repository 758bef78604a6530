/** Standard Webhooks: the three fields by which a receiver knows who posted, what, and when. Pure. */
import { createHmac } from 'node:crypto'

/** The secrets of an option, in order. */
export function secretsOf(secret: string | readonly string[] | undefined): readonly string[] {
  return secret === undefined ? [] : typeof secret === 'string' ? [secret] : secret
}

/** With no secret there is the id and no signature. `time`: milliseconds since 1970. */
export function signedHeaders(
  id: string,
  body: string,
  secrets: readonly string[],
  time: number,
): Record<string, string> {
  if (secrets.length === 0) return { 'webhook-id': id }
  const timestamp = String(Math.floor(time / 1000))
  // Each secret signs: a receiver that knows one of them is content.
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    const sum = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
    return `v1,${sum}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
