/** What the tests of SPF share: a DNS in memory, and both evaluators, ours and mailauth's, before it. */
import { createRequire } from 'node:module'
import type { Resolve } from '../../../src/dns/resolver.ts'

/** A name's records by type, in the shapes of dns.promises.resolve; or by type the code of a failure. */
export type Zone = Readonly<Record<string, Readonly<Record<string, readonly unknown[] | string>>>>

/** Of names that are not in the zone it says ENOTFOUND; CNAME is followed. Names in lower case. */
export function resolverOf(zone: Zone): Resolve {
  return async (name, type) => {
    let at = name.toLowerCase()
    for (let aliases = 0; aliases < 8; aliases += 1) {
      const records = zone[at]
      if (records === undefined) throw failure('ENOTFOUND')
      const found = records[type] ?? records['ANY']
      if (typeof found === 'string') throw failure(found)
      if (found !== undefined) return found
      const [alias] = records['CNAME'] ?? []
      if (alias === undefined) throw failure('ENODATA')
      at = String(alias).toLowerCase().replace(/\.$/, '')
    }
    throw failure('ESERVFAIL')
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}

type MailauthSpf = (options: {
  readonly sender: string
  readonly ip: string
  readonly helo: string
  readonly mta: string
  readonly strict: true
  readonly resolver: Resolve
}) => Promise<{
  readonly domain: string
  readonly status: { readonly result: string; readonly comment?: string }
  readonly lookups?: { readonly count: number }
}>

const require = createRequire(import.meta.url)
const { spf } = require('mailauth/lib/spf/index.js') as { spf: MailauthSpf }

/** What mailauth says of the same client, in its strict mode. */
export function mailauthSpf(
  client: { readonly ip: string; readonly sender: string; readonly helo: string },
  resolver: Resolve,
): ReturnType<MailauthSpf> {
  return spf({ ...client, mta: 'mx.here.test', strict: true, resolver })
}
