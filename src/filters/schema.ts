/**
 * The shape of rules/filters.*: what `aws ses list-receipt-filters` prints, nothing more. The parser
 * and the JSON schema for editors come from here; each message is the end of a sentence. Pure.
 * SES: IP filter fields (reference §1, §3)
 */
import { z } from 'zod'
import { namePattern } from '../rules/schema.ts'
import { parseBlock } from './address.ts'
import type { IpFilter } from './ip-filter.ts'

/** SES: 100. A generator that runs away is noticed before memory is gone. */
export const maxFilters = 100_000

const must =
  (what: string) =>
  ({ input }: { readonly input?: unknown }): string =>
    input === undefined ? 'is missing' : `must be ${what}`

const name = z.string({ error: must('text') }).regex(namePattern, {
  error: 'must be 1 to 64 letters, digits, "_", "-" and ".", with a letter or a digit at both ends',
})

const cidr = z.string({ error: must('text') }).superRefine((text, context) => {
  const block = parseBlock(text)
  if (typeof block !== 'string') return
  const message = `${JSON.stringify(text.slice(0, 80))} ${block}`
  context.addIssue({ code: 'custom', message })
})

const filter = z.strictObject(
  {
    Name: name.describe('Unique in the file; told to a sender that the filter blocks.'),
    IpFilter: z.strictObject(
      {
        Policy: z
          .enum(['Block', 'Allow'], { error: must('Block or Allow') })
          .describe(
            'Block: 550 5.7.1 at RCPT. Allow: neither a Block filter nor a DNS list counts.',
          ),
        Cidr: cidr.describe(
          '192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32; bits behind the prefix mean nothing.',
        ),
      },
      { error: must('an object with Policy and Cidr') },
    ),
  },
  { error: must('an object with Name and IpFilter') },
) satisfies z.ZodType<IpFilter>

export const filtersSchema = z.strictObject(
  {
    $schema: z
      .string({ error: must('text') })
      .exactOptional()
      .describe('For editors.'),
    Filters: z
      .array(filter, { error: must('a list') })
      .max(maxFilters, { error: `has more than ${maxFilters} filters` })
      .describe('The order means nothing: Allow wins over Block.'),
  },
  { error: must('an object with Filters') },
)

/** What rules/schema/filters.json holds. Draft 7, since that is what editors' YAML plugins read. */
export function filtersJsonSchema(): object {
  const schema = z.toJSONSchema(filtersSchema, { target: 'draft-7', io: 'input' })
  return { title: 'Postern IP filters', ...schema }
}
