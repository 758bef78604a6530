/**
 * One question to one DNS list (RFC 5782): is this client's address on it? Promises: only an answer
 * the operator named means listed. Error codes of the list (127.255.255.x, pitfalls P32), answers
 * from outside 127/8 (a resolver that rewrites "no such name") and no answer at all are failures,
 * which never mean listed. Never throws.
 */
import { errorCode, isNoRecord } from '../errors.ts'
import { parseAddress, reversed } from './address.ts'

/** What `openDns` gives: dns.promises.resolve's shapes, rejecting with an error that has a `code`. */
export type Resolve = (name: string, type: string) => Promise<unknown>

export type ListOptions = {
  readonly zone: string
  /** Answers that count: `127.0.0.2`, `127.0.0.2-11`. */
  readonly refuseOn: readonly string[]
}

/** Why a list is of no use just now, and what the operator can do about it. */
export type Trouble = { readonly cause: string; readonly remedy: string }

export type ListAnswer =
  | { readonly kind: 'listed'; readonly answers: readonly string[] }
  /** `answers`: there are some, but none that counts. */
  | { readonly kind: 'not-listed'; readonly answers: readonly string[] }
  /** `lasting`: the next question would get the same. */
  | { readonly kind: 'failed'; readonly trouble: Trouble; readonly lasting: boolean }

/** The name to ask for; `undefined` for what is no address. */
export function questionFor(ip: string, zone: string): string | undefined {
  const address = parseAddress(ip)
  return address === undefined ? undefined : `${reversed(address)}.${zone}`
}

export async function askList(
  resolve: Resolve,
  { zone, refuseOn }: ListOptions,
  ip: string,
): Promise<ListAnswer> {
  const question = questionFor(ip, zone)
  if (question === undefined) return { kind: 'not-listed', answers: [] }
  try {
    return judged(await resolve(question, 'A'), refuseOn)
  } catch (error) {
    if (isNoRecord(error)) return { kind: 'not-listed', answers: [] }
    const cause = `gives no answer (${errorCode(error) ?? 'failed'})`
    return { kind: 'failed', trouble: { cause, remedy: checkServers }, lasting: false }
  }
}

const checkServers = 'look whether dns.servers answer, and whether the list still exists'

function judged(records: unknown, refuseOn: readonly string[]): ListAnswer {
  const answers = Array.isArray(records) ? records.map(String) : []
  const values = answers.map((answer) => {
    const address = parseAddress(answer)
    return address?.family === 4 ? Number(address.value) : Number.NaN
  })
  const failed = (trouble: Trouble): ListAnswer => ({ kind: 'failed', trouble, lasting: true })
  for (const value of values) if (value >>> 8 === 0x7fffff) return failed(errorOf(value & 255))
  if (values.length === 0 || !values.every((value) => value >>> 24 === 127)) {
    return failed({
      cause: `answers ${answers[0] ?? 'nonsense'}, which is outside 127/8`,
      remedy:
        'the resolver rewrites answers or the list is gone; set dns.servers to a resolver of your own',
    })
  }
  const ranges = refuseOn.map(rangeOf)
  const counts = values.some((value) => ranges.some(([low, high]) => low <= value && value <= high))
  return { kind: counts ? 'listed' : 'not-listed', answers }
}

/** Spamhaus's codes, which others have taken over. */
function errorOf(code: number): Trouble {
  const told = `answers 127.255.255.${code}`
  switch (code) {
    case 252:
      return { cause: `${told}: typing error`, remedy: 'correct the name of the zone' }
    case 254:
      return {
        cause: `${told}: asked through a public resolver`,
        remedy: 'set dns.servers to a resolver of your own',
      }
    case 255:
      return {
        cause: `${told}: too many questions`,
        remedy: 'raise dns.cacheSeconds, or ask the list for an account',
      }
    default:
      return { cause: `${told}, an error code`, remedy: 'look it up at the list' }
  }
}

/** `127.0.0.2-11` as numbers, both ends included. */
function rangeOf(text: string): readonly [number, number] {
  const [first = '', last] = text.split('-')
  const low = Number(parseAddress(first)?.value ?? Number.NaN)
  return [low, last === undefined ? low : low - (low & 255) + Number(last)]
}

const maxReason = 200

/** What the list says about a listed address, as visible ASCII; '' when it says nothing. */
export async function reasonOf(resolve: Resolve, zone: string, ip: string): Promise<string> {
  try {
    const records = await resolve(questionFor(ip, zone) ?? '', 'TXT')
    const first: unknown = Array.isArray(records) ? records[0] : undefined
    const text = Array.isArray(first) ? first.join('') : ''
    return text
      .replace(/[^ -~]/g, '?')
      .slice(0, maxReason)
      .trim()
  } catch {
    // Listed all the same: RFC 5782 §2.1 says that there may be no TXT.
    return ''
  }
}
