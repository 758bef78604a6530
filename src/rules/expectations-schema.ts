/**
 * The shape of NAME.test.*, the tests of the rule set NAME: what is given, and what must come of it. The
 * parser and the JSON schema for editors come from here; each message is the end of a sentence. Pure.
 */
import { z } from 'zod'
import { verdictLacking } from './given-verdicts.ts'

/** One run of `postern check` evaluates all of them: a generator that runs away is noticed. */
const maxTests = 10_000

const verdict = z.enum(['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED'])
const text = z.string()
const texts = z.array(text)

const verdicts = z
  .strictObject({
    spf: verdict.exactOptional(),
    dkim: verdict.exactOptional(),
    dmarc: verdict.exactOptional(),
    spam: verdict.exactOptional(),
    virus: verdict.exactOptional(),
    dmarcPolicy: z
      .enum(['none', 'quarantine', 'reject'])
      .exactOptional()
      .describe('What the From domain publishes; needs dmarc.'),
    spamScore: z.number().exactOptional().describe('Needs spam.'),
  })
  .superRefine((given, context) => {
    const lacking = verdictLacking(given)
    if (lacking === undefined) return
    const key = lacking === 'dmarc' ? 'dmarcPolicy' : 'spamScore'
    context.addIssue({ code: 'custom', path: [key], message: `needs ${lacking} beside it` })
  })

const given = z.strictObject({
  to: texts.min(1, { error: 'must name a recipient' }).describe('Envelope recipients.'),
  from: text.exactOptional().describe("Argument of MAIL FROM; '' is the null reverse-path."),
  helo: text.exactOptional(),
  ip: z
    .union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' })
    .exactOptional()
    .describe("The client's address; the IP filters beside the rule set look at it too."),
  tls: z.boolean().exactOptional().describe('Default: false.'),
  message: text
    .min(1, { error: 'must name a file' })
    .exactOptional()
    .describe('A file beside this one or below: the message, octets as they are.'),
  headers: z
    .record(text, z.union([text, texts], { error: 'must be text or a list of texts' }))
    .exactOptional()
    .describe('Header fields; of those in the message, they replace the ones with their names.'),
  size: z
    .int({ error: 'must be a whole number' })
    .min(0, { error: 'must not be negative' })
    .exactOptional(),
  attachments: z
    .array(z.strictObject({ name: text.exactOptional(), type: text }))
    .exactOptional()
    .describe('Instead of those of the message.'),
  verdicts: verdicts.exactOptional().describe('Those not given are not known.'),
})

const expected = z
  .strictObject({
    disposition: z
      .enum(['accept', 'reject', 'defer'])
      .exactOptional()
      .describe('What the client is told: 2yz, 5yz, 4yz.'),
    reply: text.exactOptional().describe('How the reply begins: "550 5.7.1".'),
    rules: texts.exactOptional().describe('The rules that match, all of them, in their order.'),
    plan: z
      .array(
        z.strictObject({
          rule: text.exactOptional(),
          action: text.exactOptional().describe('S3Action; "S3Action notice" for its TopicArn.'),
          recipients: texts.exactOptional(),
          target: text
            .exactOptional()
            .describe('Bucket/prefix, ARN or URL, as `postern explain` shows it.'),
        }),
      )
      .exactOptional()
      .describe('The steps, all of them, in their order; what is not written is not compared.'),
    unmatched: texts.exactOptional().describe('Recipients that no rule does anything for.'),
  })
  .refine((it) => Object.keys(it).length > 0, { error: 'must expect something' })

export const expectationsSchema = z.strictObject({
  $schema: text.exactOptional().describe('For editors.'),
  tests: z
    .array(z.strictObject({ name: text, given, expect: expected }))
    .max(maxTests, { error: `has more than ${maxTests} tests` }),
})

export type Expectations = z.infer<typeof expectationsSchema>
export type Test = Expectations['tests'][number]
