/**
 * Reads a receipt from the field that the server wrote (src/mail/prepend.ts). Pure. Whoever has the
 * public key can seal anything, so nothing is taken for granted: what is not a receipt, whole and
 * well-formed, is refused.
 */
import { isMessageId } from '../mail/message-id.ts'
import type { Receipt } from '../mail/receipt.ts'
import { type Verdict, verdictNames } from '../mail/verdict.ts'
import { type MailboxError, NotPosternError, UnknownVersionError } from './errors.ts'

/** The words of verdict.ts; `satisfies` keeps the two in step. */
const words = Object.keys({
  PASS: 0,
  FAIL: 0,
  GRAY: 0,
  PROCESSING_FAILED: 0,
  DISABLED: 0,
} satisfies Record<Verdict, 0>)

export function isVerdict(text: unknown): text is Verdict {
  return typeof text === 'string' && words.includes(text)
}

/**
 * Takes a base64 JSON object line by line and tells where it ends. It must: the message that follows
 * may begin with a space, and by the rules of folding its first lines would belong to the field.
 */
export function jsonLines(): { push(line: string): boolean; value(): unknown } {
  const pieces: Uint8Array[] = []
  let rest = ''
  let depth = 0
  let quoted = false
  let escaped = false
  let complete = false

  function scan(octet: number): void {
    if (complete || (depth === 0 && octet !== OPEN)) throw notPostern()
    if (escaped) escaped = false
    else if (quoted) {
      if (octet === BACKSLASH) escaped = true
      else if (octet === QUOTE) quoted = false
    } else if (octet === QUOTE) quoted = true
    else if (octet === OPEN) depth += 1
    else if (octet === CLOSE) {
      depth -= 1
      complete = depth === 0
    }
  }

  return {
    /** True when the object is complete with this line. Throws for what is no such thing. */
    push(line) {
      rest += line.trim()
      const usable = rest.slice(0, rest.length - (rest.length % 4))
      rest = rest.slice(usable.length)
      const piece = fromBase64(usable)
      for (const octet of piece) scan(octet)
      pieces.push(piece)
      return complete && rest === ''
    },
    value() {
      return parseJson(pieces)
    },
  }
}

const [QUOTE, BACKSLASH, OPEN, CLOSE] = [0x22, 0x5c, 0x7b, 0x7d]

function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw notPostern()
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function parseJson(pieces: readonly Uint8Array[]): unknown {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    const text = pieces.map((piece) => decoder.decode(piece, { stream: true })).join('')
    return JSON.parse(text + decoder.decode())
  } catch {
    throw notPostern()
  }
}

/** Throws a MailboxError for what is not a receipt of version 1. */
export function requireReceipt(value: unknown): Receipt {
  const receipt = value as Receipt
  if (isObject(value) && typeof value['version'] === 'number' && value['version'] > 1) {
    throw new UnknownVersionError(
      `This message has a receipt of version ${value['version']}, which this program does not know: update it.`,
    )
  }
  if (!isReceipt(value)) throw notPostern()
  return receipt
}

function isReceipt(value: unknown): boolean {
  if (!isObject(value) || value['version'] !== 1) return false
  const { id, time, envelope, ruleSet, rule, recipients, verdicts, size, sha256 } = value
  return (
    typeof id === 'string' &&
    isMessageId(id) &&
    isText(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/) &&
    isText(ruleSet) &&
    isText(rule) &&
    isTexts(recipients) &&
    isText(sha256, /^[0-9a-f]{64}$/) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    isEnvelope(envelope) &&
    isObject(verdicts) &&
    verdictNames.every((name) => isJudgement(verdicts[name])) &&
    hasSoundDetails(verdicts) &&
    isReplay(value['replay']) &&
    [undefined, 'none', 'quarantine', 'reject'].includes(verdicts['dmarcPolicy'] as string)
  )
}

function isReplay(value: unknown): boolean {
  if (value === undefined) return true
  if (!isObject(value)) return false
  const { of, from, time } = value
  return typeof of === 'string' && isMessageId(of) && isText(from) && isText(time)
}

function isEnvelope(value: unknown): boolean {
  if (!isObject(value)) return false
  const { remoteIp, helo, reversePath, recipients, protocol } = value
  return (
    [remoteIp, helo, reversePath, protocol].every((each) => isText(each)) && isTexts(recipients)
  )
}

function isJudgement(value: unknown): boolean {
  return isObject(value) && isVerdict(value['verdict'])
}

/** What a check adds is there or not; where it is there it is what its type says. */
function hasSoundDetails(verdicts: Record<string, unknown>): boolean {
  const { spf, dkim, dmarc, spam, arc } = verdicts as Record<string, Record<string, unknown>>
  const texts = (value: unknown, ...names: string[]): boolean =>
    isObject(value) && names.every((name) => isText(value[name]))
  const absentOr = (value: unknown, check: (value: unknown) => boolean): boolean =>
    value === undefined || check(value)
  const lists = (value: unknown, check: (value: unknown) => boolean): boolean =>
    absentOr(value, (list) => Array.isArray(list) && list.every(check))
  return (
    [spf, dmarc].every((each) => absentOr(each?.['result'], (value) => isText(value))) &&
    absentOr(spf?.['helo'], (value) => texts(value, 'domain', 'result')) &&
    lists(dkim?.['signatures'], (each) => texts(each, 'domain', 'selector', 'result')) &&
    absentOr(dmarc?.['alignment'], isObject) &&
    absentOr(dmarc?.['override'], (value) => texts(value, 'arcSealer')) &&
    absentOr(spam?.['score'], (value) => Number.isFinite(value)) &&
    lists(spam?.['symbols'], (each) => texts(each, 'name')) &&
    absentOr(
      arc,
      (value) => texts(value, 'result') && lists(arc?.['sealers'], (each) => isText(each)),
    )
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown, shape = /^/): boolean {
  return typeof value === 'string' && shape.test(value)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

/** For content that opened well but does not begin as the server's does. */
export function notPostern(): MailboxError {
  return new NotPosternError(
    'This object holds no message stored by Postern: its content begins with no receipt. openObject() gives its bytes.',
  )
}
