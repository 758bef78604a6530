/** Reads `--verdict NAME=VALUE …` of `postern explain`. Pure. */
import { UserError } from '../errors.ts'
import { type Verdicts, verdictNames } from '../mail/verdict.ts'
import { type GivenVerdicts, verdictLacking, verdictsFrom } from '../rules/given-verdicts.ts'

const verdictValues = ['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED']
const policies = ['none', 'quarantine', 'reject']

/** Throws UserError for a name or value that is none. */
export function givenVerdicts(words: readonly string[]): Partial<Verdicts> {
  const given = Object.fromEntries(words.map(pairOf)) as GivenVerdicts
  const lacking = verdictLacking(given)
  if (lacking !== undefined) {
    const word = lacking === 'dmarc' ? 'dmarc-policy' : 'spam-score'
    throw new UserError(`--verdict: ${word} needs ${lacking} beside it, as in ${lacking}=FAIL.`)
  }
  return verdictsFrom(given)
}

function pairOf(word: string): readonly [string, string | number] {
  const [name = '', ...rest] = word.split('=')
  const value = rest.join('=')
  if (name === 'spam-score') {
    if (/^-?\d+(\.\d+)?$/.test(value)) return ['spamScore', Number(value)]
    throw new UserError('--verdict: spam-score must be a number, as in spam-score=7.5.')
  }
  if (name === 'dmarc-policy') return ['dmarcPolicy', oneOf(policies, name, value.toLowerCase())]
  if (!(verdictNames as readonly string[]).includes(name)) {
    const known = [...verdictNames, 'dmarc-policy', 'spam-score'].join(', ')
    throw new UserError(`--verdict: ${JSON.stringify(name)} is no verdict; known are ${known}.`)
  }
  return [name, oneOf(verdictValues, name, value.toUpperCase())]
}

function oneOf(known: readonly string[], name: string, value: string): string {
  if (known.includes(value)) return value
  throw new UserError(
    `--verdict: ${name} must be ${known.join(', ')}, not ${JSON.stringify(value)}.`,
  )
}
