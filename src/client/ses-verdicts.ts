/**
 * The verdicts that Amazon SES recorded in the fields before a message. Pure. A result counts only where
 * SES begins a line with it: the sender's texts follow in the same line, whatever they say. What
 * is not exactly as SES writes it is PROCESSING_FAILED, never PASS. SES: reference §5.2, §6.2
 */
import { dkimVerdict } from '../mail/dkim-verdict.ts'
import { spfVerdicts } from '../mail/spf-verdict.ts'
import type {
  DkimJudgement,
  DkimResult,
  DkimSignature,
  DmarcJudgement,
  Judgement,
  SpfJudgement,
  Verdict,
  Verdicts,
} from '../mail/verdict.ts'
import { isVerdict } from './receipt.ts'
import type { SesBlock } from './ses.ts'

const engine = 'amazonses.com'

/** `authors`: how many From fields the message has. */
export function sesVerdicts({ checks }: SesBlock, authors: number): Verdicts {
  if (checks === undefined) {
    const unknown = doubt('not-recorded')
    return { spf: unknown, dkim: unknown, dmarc: unknown, spam: unknown, virus: unknown }
  }
  return {
    ...authentication(checks['Received-SPF'], checks['Authentication-Results'], authors),
    spam: scanned(checks['X-SES-Spam-Verdict'], 'ses-verdict'),
    virus: scanned(checks['X-SES-Virus-Verdict'], 'infected'),
  }
}

function doubt(reason: string): Judgement {
  return { verdict: 'PROCESSING_FAILED', reason, engine }
}

/** SES: the field is absent where the rule has no ScanEnabled. It never says why. */
function scanned(lines: readonly string[] | undefined, failure: string): Judgement {
  if (lines === undefined) return { verdict: 'DISABLED', reason: 'scan-not-enabled', engine }
  const [word, ...others] = lines
  if (!isVerdict(word) || others.length > 0) return doubt('unreadable')
  if (word === 'PASS') return { verdict: word, engine }
  return { verdict: word, reason: word === 'FAIL' ? failure : 'ses-verdict', engine }
}

type Authenticated = Pick<Verdicts, 'spf' | 'dkim' | 'dmarc'>

/** One line for each statement: `amazonses.com;`, `spf=` with the text of Received-SPF, `dkim=`…, `dmarc=`. */
function authentication(
  receivedSpf: readonly string[] | undefined,
  results: readonly string[] | undefined,
  authors: number,
): Authenticated {
  if (results === undefined) return allOf(doubt('not-recorded'))
  const [server, spf, ...others] = results
  const [text, ...more] = receivedSpf ?? []
  // Two fields that say the same: a line that was broken or moved shows here.
  const repeated = text !== undefined && more.length === 0 && spf === `spf=${text}`
  const agree = server === 'amazonses.com;' && repeated
  const statements = others.map(statementOf)
  const known = statements.filter((each) => each !== undefined)
  const policies = known.filter(({ method }) => method === 'dmarc')
  if (!agree || known.length < statements.length || policies.length > 1)
    return allOf(doubt('unreadable'))
  const dmarc = authors === 1 ? dmarcOf(policies[0]) : authorDoubt(authors)
  const signatures = known.filter(({ method }) => method === 'dkim')
  return { spf: spfOf(text ?? ''), dmarc, dkim: dkimOf(signatures, dmarc) }
}

/** RFC 9989 §5.3.1: nobody can say which author SES vouches for, nor which one a reader shows. */
function authorDoubt(authors: number): DmarcJudgement {
  return doubt(authors === 0 ? 'from-missing' : 'from-several')
}

function allOf(judgement: Judgement): Authenticated {
  return { spf: judgement, dkim: judgement, dmarc: judgement }
}

type Statement = { readonly method: string; readonly result: string; readonly domain: string }

/** SES: `properties.from` until 2019. Domains come from the message: only such as need no quotes. */
const statement =
  /^(dkim|dmarc)=([a-z]{1,20})(?: (?:header\.i|header\.from|properties\.from)=@?([A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,30}))?;?$/

function statementOf(line: string): Statement | undefined {
  const [, method, result, domain = ''] = statement.exec(line) ?? []
  if (method === undefined || result === undefined) return undefined
  return { method, result, domain: domain.toLowerCase() }
}

function spfOf(text: string): SpfJudgement {
  const result = /^([a-z]+)(?= |$)/.exec(text)?.[1] ?? ''
  if (!isOneOf(spfVerdicts, result)) return doubt('unreadable')
  const reason = result === 'pass' ? {} : { reason: `spf-${result}` }
  return { verdict: spfVerdicts[result], ...reason, engine, result }
}

const dmarcVerdicts: Record<NonNullable<DmarcJudgement['result']>, Verdict> = {
  pass: 'PASS',
  fail: 'FAIL',
  none: 'GRAY',
  temperror: 'PROCESSING_FAILED',
  permerror: 'PROCESSING_FAILED',
}

/** SES: no statement at all where there was no record, until 2018. */
function dmarcOf({ result, domain }: Partial<Statement> = { result: 'none' }): DmarcJudgement {
  if (result === undefined || !isOneOf(dmarcVerdicts, result)) return doubt('unreadable')
  const reason = result === 'pass' ? {} : { reason: `dmarc-${result}` }
  const author = domain ? { domain } : {}
  return { verdict: dmarcVerdicts[result], ...reason, engine, result, ...author }
}

const dkimResults: Record<DkimResult, 0> = {
  pass: 0,
  fail: 0,
  none: 0,
  policy: 0,
  neutral: 0,
  temperror: 0,
  permerror: 0,
}

function dkimOf(statements: readonly Statement[], dmarc: DmarcJudgement): DkimJudgement {
  const signatures: DkimSignature[] = []
  for (const { result, domain } of statements) {
    if (!isOneOf(dkimResults, result)) return doubt('unreadable')
    if (result === 'none') continue
    // Had an aligned signature been valid, DMARC would have passed: it knows where a policy is strict.
    const aligned = dmarc.result !== 'fail' && areRelated(domain, dmarc.domain ?? '')
    // SES does not tell the selector, and of the signing domain that it is this one or one above.
    signatures.push({ result, domain, selector: '', identity: `@${domain}`, aligned })
  }
  return { ...dkimVerdict(signatures), engine, signatures }
}

/** Equal, or one above the other and more than a top-level domain. */
function areRelated(one: string, other: string): boolean {
  const [upper, lower] = one.length < other.length ? [one, other] : [other, one]
  if (!upper.includes('.')) return false
  return upper === lower || lower.endsWith(`.${upper}`)
}

function isOneOf<Word extends string>(words: Record<Word, unknown>, text: string): text is Word {
  return Object.hasOwn(words, text)
}
