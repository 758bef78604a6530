/**
 * Conditions of rules, in the vocabulary of SES Mail Manager (its RuleCondition) and with a few words
 * of our own. The parser, the JSON schema and the messages come from here. Pure.
 */
import { z } from 'zod'
import { parseBlock } from '../filters/address.ts'
import { patternFault } from './regular-expression.ts'

/** Mail Manager allows 10 values; a rule file may hold a list of partners. */
const maxValues = 1000

const values = <T extends z.ZodType>(value: T) =>
  z
    .array(value)
    .min(1, 'must hold at least one value')
    .max(maxValues, `must hold at most ${maxValues} values`)
    .describe('One of them suffices; for NOT_… none may fit.')

const equality = z.enum(['EQUALS', 'NOT_EQUALS'])

/** Each kind of condition, and what stands in it. */
export const conditionKinds = {
  StringExpression: z
    .strictObject({
      Evaluate: z
        .strictObject({
          Attribute: z
            .enum([
              'MAIL_FROM',
              'HELO',
              'RECIPIENT',
              'SENDER',
              'FROM',
              'TO',
              'CC',
              'SUBJECT',
              'ATTACHMENT_NAME',
              'ATTACHMENT_TYPE',
            ])
            .exactOptional()
            .describe(
              'MAIL_FROM, HELO and RECIPIENT are of the envelope; SENDER, FROM, TO, CC (addresses) and SUBJECT of the header section.',
            ),
          MimeHeaderAttribute: z
            .string()
            .regex(/^[!-9;-~]{1,200}$/, 'must be the name of a header field')
            .exactOptional()
            .describe('Every header field of this name.'),
        })
        .refine(
          (each) => (each.Attribute === undefined) !== (each.MimeHeaderAttribute === undefined),
          'must have exactly one of Attribute and MimeHeaderAttribute',
        ),
      Operator: z.enum(['EQUALS', 'NOT_EQUALS', 'STARTS_WITH', 'ENDS_WITH', 'CONTAINS', 'MATCHES']),
      Values: values(z.string().max(4096, 'must be at most 4096 characters')),
    })
    .superRefine(({ Operator, Values }, context) => {
      if (Operator !== 'MATCHES') return
      for (const [index, pattern] of Values.entries()) {
        const fault = patternFault(pattern)
        if (fault !== undefined)
          context.addIssue({ code: 'custom', path: ['Values', index], message: fault })
      }
    })
    .describe(
      'Text; upper and lower case are the same, but for MATCHES, a regular expression of RE2.',
    ),
  NumberExpression: z
    .strictObject({
      Evaluate: z.strictObject({
        Attribute: z.enum(['MESSAGE_SIZE', 'SPAM_SCORE', 'RECIPIENT_COUNT', 'ATTACHMENT_COUNT']),
      }),
      Operator: z.enum([
        'EQUALS',
        'NOT_EQUALS',
        'LESS_THAN',
        'LESS_THAN_OR_EQUAL',
        'GREATER_THAN',
        'GREATER_THAN_OR_EQUAL',
      ]),
      Value: z.number(),
    })
    .describe('A number; MESSAGE_SIZE in octets, as received.'),
  IpExpression: z
    .strictObject({
      Evaluate: z.strictObject({ Attribute: z.literal('SOURCE_IP') }),
      Operator: z.enum(['CIDR_MATCHES', 'NOT_CIDR_MATCHES']),
      Values: values(
        z.string().superRefine((text, context) => {
          const block = parseBlock(text)
          if (typeof block === 'string') context.addIssue({ code: 'custom', message: block })
        }),
      ),
    })
    .describe("The client's address."),
  BooleanExpression: z
    .strictObject({
      Evaluate: z.strictObject({
        Attribute: z
          .enum(['READ_RECEIPT_REQUESTED', 'TLS', 'TLS_WRAPPED', 'HAS_ATTACHMENT'])
          .describe('TLS_WRAPPED is never true: an MX takes mail by STARTTLS (RFC 3207).'),
      }),
      Operator: z.enum(['IS_TRUE', 'IS_FALSE']),
    })
    .describe('Yes or no.'),
  VerdictExpression: z
    .strictObject({
      Evaluate: z.strictObject({ Attribute: z.enum(['SPF', 'DKIM', 'DMARC', 'SPAM', 'VIRUS']) }),
      Operator: equality,
      Values: values(z.enum(['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED'])),
    })
    .describe(
      'A verdict. PROCESSING_FAILED and DISABLED decide nothing unless they are among the values.',
    ),
  DmarcExpression: z
    .strictObject({
      Operator: equality,
      Values: values(z.enum(['NONE', 'QUARANTINE', 'REJECT'])),
    })
    .describe('The policy that the From domain publishes; NONE also where it publishes none.'),
} as const

export type ConditionKind = keyof typeof conditionKinds

/** Exactly one kind. */
export type Condition = {
  [Kind in ConditionKind]: {
    readonly [Key in Kind]: z.infer<(typeof conditionKinds)[Kind]>
  }
}[ConditionKind]

export const conditionSchema = z.union(
  Object.entries(conditionKinds).map(([kind, schema]) => z.strictObject({ [kind]: schema })),
) as unknown as z.ZodType<Condition, Condition> // each member has one known key

/** What Mail Manager has and this server can't: key → why. */
export const foreignKeys: ReadonlyMap<string, string> = new Map([
  ['Analysis', 'needs an add-on of AWS; use MimeHeaderAttribute or a VerdictExpression'],
  ['IsInAddressList', 'needs an address list at AWS; write the addresses as Values'],
  ['ClientCertificateAttribute', 'is not supported: no client certificates are asked for'],
])

/** A condition in one phrase: `SPAM EQUALS FAIL, GRAY`. */
export function spellCondition(condition: Condition): string {
  const [kind, spec] = Object.entries(condition)[0] as [ConditionKind, Record<string, unknown>]
  const asked = spec['Evaluate'] as Record<string, string> | undefined
  const what =
    asked === undefined
      ? 'DMARC policy'
      : (asked['Attribute'] ?? `field ${asked['MimeHeaderAttribute']}`)
  const than = kind === 'NumberExpression' ? [spec['Value']] : ((spec['Values'] ?? []) as string[])
  const shown = than
    .slice(0, 5)
    .map((each) => (typeof each === 'string' ? JSON.stringify(each).slice(0, 80) : each))
  const more = than.length > 5 ? `, … ${than.length - 5} more` : ''
  return `${what} ${spec['Operator']}${shown.length > 0 ? ` ${shown.join(', ')}` : ''}${more}`
}
