/**
 * Stands for a name server: a table of what it answers, in the shapes of dns.promises.resolve. A name
 * that is not in the table does not exist; test/e2e/blocklist.test.ts asks a real one.
 */
import { dnsError } from '../../../src/dns/resolver.ts'
import type { Resolve } from '../../../src/filters/dnsbl.ts'

/** `name`: A records, or an error's code, or what never comes. `TXT name`: the chunks of one record. */
export type Table = Record<string, readonly string[] | string | typeof never>

export const never: unique symbol = Symbol('no answer ever')

/** What a list that lives answers to a probe. */
export const alive = (zone: string): Table => ({ [`2.0.0.127.${zone}`]: ['127.0.0.2'] })

export function resolverOf(table: Table): Resolve & { readonly asked: string[] } {
  const asked: string[] = []
  const resolve: Resolve = async (name, type) => {
    asked.push(`${type} ${name}`)
    const answer = table[type === 'A' ? name : `${type} ${name}`] ?? 'ENOTFOUND'
    if (answer === never) return new Promise(() => {})
    if (typeof answer === 'string') throw dnsError(answer, answer)
    return type === 'TXT' ? [answer] : answer
  }
  return Object.assign(resolve, { asked })
}
