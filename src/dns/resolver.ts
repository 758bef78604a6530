/**
 * Asking name servers. Promises: each answer comes within its deadline or fails with ETIMEOUT; failures
 * keep c-ares's codes, so that "no such name", "no such record" and "no answer" stay three things
 * (pitfalls P43); memory is bounded; one message's questions are counted (P42, P47). Temporary failures
 * are never remembered. Never throws synchronously, whatever the name (P28).
 */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isNoRecord } from '../errors.ts'

/** dns.promises.resolve's shapes, shared by all who ask, and frozen. Rejects with an Error whose `code` is ENODATA, ENOTFOUND, ETIMEOUT… */
export type Resolve = (name: string, type: string) => Promise<unknown>

export type DnsOptions = {
  /** [] takes the system's. */
  readonly servers: readonly string[]
  readonly timeoutMs: number
  readonly cacheEntries: number
  readonly cacheSeconds: number
}

export type Dns = {
  readonly resolve: Resolve
  readonly reverse: (ip: string) => Promise<string[]>
  /**
   * One message's share: beyond `max` questions each fails with EBUDGET, after `signal` with ETIMEOUT.
   * The same question is counted once.
   */
  readonly budgeted: (max: number, signal?: AbortSignal) => Resolve
  readonly close: () => void
}

/** More than any honest name has; a reader of them would choke (an attack on mailauth and on the receipt). */
const maxRecords = 500
const maxTextOctets = 32_768

type Entry = {
  readonly answer: Promise<unknown>
  /** performance.now() after which it is asked again; unknown while under way. */
  until: number
}

export function openDns({ servers, timeoutMs, cacheEntries, cacheSeconds }: DnsOptions): Dns {
  // The first try gets half of the deadline, so that a lost packet is not yet a lost answer.
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / 3), tries: 2 })
  if (servers.length > 0) resolver.setServers([...servers])
  /** In order of use: the first is the one to forget. */
  const cache = new Map<string, Entry>()

  function remembered(key: string, ask: () => Promise<Found>): Promise<unknown> {
    const known = cache.get(key)
    if (known !== undefined && known.until > performance.now()) {
      cache.delete(key)
      cache.set(key, known)
      return known.answer
    }
    const found = within(timeoutMs, ask())
    const entry: Entry = {
      answer: found.then(({ records }) => frozen(records)),
      until: Number.POSITIVE_INFINITY,
    }
    const forget = (): void => {
      if (cache.get(key) === entry) cache.delete(key)
    }
    found.then(
      ({ ttl }) => {
        entry.until = performance.now() + Math.min(ttl, cacheSeconds) * 1000
      },
      (error: unknown) => {
        // Asking again would get the same.
        if (isNoRecord(error)) entry.until = performance.now() + cacheSeconds * 1000
        else forget()
      },
    )
    cache.delete(key)
    cache.set(key, entry)
    for (const oldest of cache.keys()) {
      if (cache.size <= cacheEntries) break
      cache.delete(oldest)
    }
    return entry.answer
  }

  const resolve: Resolve = async (name, type) => {
    const plain = name.toLowerCase().replace(/\.$/, '')
    if (!isAskable(plain)) throw dnsError('EBADNAME', `${type} of a name that can't be asked for`)
    return remembered(`${type} ${plain}`, () => ask(resolver, plain, type))
  }

  return {
    resolve,
    async reverse(ip) {
      if (isIP(ip) === 0 || ip.includes('%')) throw dnsError('EBADNAME', 'not an address')
      const names = await remembered(`reverse ${ip}`, async () => {
        return { records: await resolver.reverse(ip), ttl: Number.POSITIVE_INFINITY }
      })
      return [...(names as string[])]
    },
    budgeted(max, signal) {
      const asked = new Set<string>()
      const unlessOver = signal === undefined ? undefined : unlessAborted(signal)
      return async (name, type) => {
        if (signal?.aborted) throw dnsError('ETIMEOUT', 'the time for this message is over')
        const question = `${type} ${name.toLowerCase()}`
        if (asked.size >= max && !asked.has(question))
          throw dnsError('EBUDGET', `more than ${max} look-ups for one message`)
        asked.add(question)
        return unlessOver === undefined ? resolve(name, type) : unlessOver(resolve(name, type))
      }
    },
    close() {
      resolver.cancel()
      cache.clear()
    },
  }
}

type Found = {
  readonly records: unknown
  /** Seconds. */
  readonly ttl: number
}

async function ask(resolver: Resolver, name: string, type: string): Promise<Found> {
  if (type === 'A' || type === 'AAAA') {
    const found =
      type === 'A'
        ? await resolver.resolve4(name, { ttl: true })
        : await resolver.resolve6(name, { ttl: true })
    bounded(found.length, 0)
    return {
      records: found.map(({ address }) => address),
      ttl: Math.max(1, Math.min(...found.map(({ ttl }) => ttl))),
    }
  }
  const records: unknown = await resolver.resolve(name, type)
  if (Array.isArray(records)) {
    const octets = type === 'TXT' ? (records as string[][]).flat().join('').length : 0
    bounded(records.length, octets)
  }
  return { records, ttl: Number.POSITIVE_INFINITY }
}

function frozen(records: unknown): unknown {
  if (Array.isArray(records)) for (const each of records) Object.freeze(each)
  return Object.freeze(records)
}

function bounded(records: number, octets: number): void {
  if (records > maxRecords || octets > maxTextOctets) {
    throw dnsError('EBADRESP', 'an answer that is larger than any honest one')
  }
}

/** RFC 1035 §2.3.4; visible ASCII without what would need escaping in a master file or in c-ares. */
function isAskable(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= 253 &&
    name.split('.').every((label) => /^[!-[\]-~]{1,63}$/.test(label))
  )
}

export function dnsError(code: string, message: string): Error & { readonly code: string } {
  return Object.assign(new Error(message), { code })
}

/** c-ares's own timing is of one try at one server; this is of the answer. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(dnsError('ETIMEOUT', 'no answer in time')), timeoutMs)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** The work, or a time-out when the signal aborts before it is done. One listener for all that is asked. */
function unlessAborted(signal: AbortSignal): <T>(work: Promise<T>) => Promise<T> {
  const over = Promise.withResolvers<never>()
  // Nothing may be waiting then.
  over.promise.catch(() => {})
  const abort = (): void => over.reject(dnsError('ETIMEOUT', 'the time for this message is over'))
  signal.addEventListener('abort', abort, { once: true })
  return (work) => Promise.race([work, over.promise])
}
