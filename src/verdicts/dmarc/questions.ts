/** What DMARC asks DNS. What fails for now is `unknown`, never an exception. */
import type { Resolve } from '../../dns/resolver.ts'
import { errorCode, isNoRecord } from '../../errors.ts'
import { type DmarcRecord, recordAmong } from './record.ts'

export type Unknown = 'unknown'

/** The record at a domain, if it has one. */
export type Lookup = (domain: string) => Promise<DmarcRecord | Unknown | undefined>

/** For one message: the walks of its domains meet, and each name is asked for once. */
export function lookupBy(resolve: Resolve): Lookup {
  const known = new Map<string, ReturnType<Lookup>>()
  return (domain) => {
    const before = known.get(domain)
    if (before !== undefined) return before
    const found = recordAt(domain, resolve)
    known.set(domain, found)
    return found
  }
}

async function recordAt(domain: string, resolve: Resolve): ReturnType<Lookup> {
  try {
    const answers = await resolve(`_dmarc.${domain}`, 'TXT')
    const rows = Array.isArray(answers) ? (answers as readonly (readonly string[])[]) : []
    return recordAmong(rows.map((each) => each.join('')))
  } catch (error) {
    return isNone(error) ? undefined : 'unknown'
  }
}

/**
 * RFC 9989 §A.4: a name exists if it has any record; only NXDOMAIN says that it has none. Of an alias that leads
 * nowhere it is said of what the alias leads to (RFC 6604 §3).
 */
export async function exists(domain: string, resolve: Resolve): Promise<boolean | Unknown> {
  for (const type of ['A', 'CNAME']) {
    try {
      await resolve(domain, type)
      return true
    } catch (error) {
      if (errorCode(error) === 'ENODATA') return true
      if (!isNone(error)) return 'unknown'
    }
  }
  return false
}

/** EBADNAME: what can't be asked for is not there. */
function isNone(error: unknown): boolean {
  return isNoRecord(error) || errorCode(error) === 'EBADNAME'
}
