/**
 * Received-SPF (RFC 7208 §9.1) and Authentication-Results (RFC 8601), made from the verdicts. Pure. Texts of
 * senders and of DNS stand in them as tokens or quoted strings only, so that none can add a result, a
 * property or a field.
 */
import type { Envelope } from './envelope.ts'
import type { DkimSignature, Judgement, Verdicts } from './verdict.ts'

/** The fields, without line ends; the first is absent where SPF was not evaluated. */
export function authenticationFields(
  hostname: string,
  envelope: Envelope,
  verdicts: Verdicts,
): readonly string[] {
  return [...receivedSpf(hostname, envelope, verdicts), authenticationResults(hostname, verdicts)]
}

function receivedSpf(hostname: string, envelope: Envelope, { spf }: Verdicts): string[] {
  if (spf.result === undefined) return []
  const pairs = [
    ['receiver', hostname],
    ['client-ip', envelope.remoteIp],
    ...(spf.identity === 'mailfrom' ? [['envelope-from', envelope.reversePath]] : []),
    ['helo', envelope.helo],
    ['identity', spf.identity ?? 'mailfrom'],
  ]
  const list = pairs.map(([key, value = '']) => `${key}=${dotAtomOrQuoted(value)}`)
  const comment = spf.comment === undefined ? '' : ` (${commentText(spf.comment)})`
  return [`Received-SPF: ${spf.result}${comment}\r\n\t${list.join(';\r\n\t')};`]
}

function authenticationResults(hostname: string, verdicts: Verdicts): string {
  const results = [...spfResults(verdicts), ...dkimResults(verdicts), ...dmarcResult(verdicts)]
  const arc = arcResult(verdicts)
  const all = [...results, ...arc]
  // RFC 8601 §2.2: "none" says that nothing was evaluated.
  if (all.length === 0) return `Authentication-Results: ${hostname}; none`
  return `Authentication-Results: ${hostname};\r\n\t${all.join(';\r\n\t')}`
}

type Property = readonly [name: string, value: string | undefined]

/** RFC 8601 §2.2 `resinfo`: method=result, comment, reason, properties; long ones are folded. */
function statement(
  method: string,
  result: string,
  about: { comment?: string; reason?: string | undefined; properties?: readonly Property[] },
): string {
  const { comment, reason, properties = [] } = about
  const words = [
    `${method}=${result}`,
    ...(comment === undefined ? [] : [`(${commentText(comment)})`]),
    ...(reason === undefined ? [] : [`reason=${tokenOrQuoted(reason)}`]),
    ...properties.flatMap(([name, value]) => (value ? [`${name}=${propertyValue(value)}`] : [])),
  ]
  const line = words.join(' ')
  return line.length <= 76 ? line : words.join('\r\n\t ')
}

/** A check that did not come to a result has failed for a time, or has not been made. */
function noResult(method: string, { verdict, reason }: Judgement): string[] {
  return verdict === 'DISABLED' ? [] : [statement(method, 'temperror', { reason })]
}

function spfResults({ spf }: Verdicts): string[] {
  if (spf.result === undefined) return noResult('spf', spf)
  const own: Property = [`smtp.${spf.identity ?? 'mailfrom'}`, spf.domain]
  const helo = spf.helo
  return [
    statement('spf', spf.result, { properties: [own] }),
    ...(helo === undefined
      ? []
      : [statement('spf', helo.result, { properties: [['smtp.helo', helo.domain]] })]),
  ]
}

function dkimResults({ dkim }: Verdicts): string[] {
  if (dkim.signatures === undefined) return noResult('dkim', dkim)
  if (dkim.signatures.length === 0) return [statement('dkim', 'none', {})]
  return dkim.signatures.map((each) =>
    statement('dkim', each.result, {
      ...(each.comment === undefined ? {} : { comment: each.comment }),
      properties: [
        ['header.d', each.domain],
        ['header.i', each.identity],
        ['header.s', each.selector],
        ['header.a', each.algorithm],
        ...bodyLength(each),
      ],
    }),
  )
}

/** RFC 6376 §8.2: a reader is to know that only a part of the body was signed. */
function bodyLength({ bodyLength: length }: DkimSignature): Property[] {
  return length === undefined ? [] : [['policy.body-length', `${length.signed}/${length.total}`]]
}

function dmarcResult({ dmarc }: Verdicts): string[] {
  const { result, reason, domain, policy, override } = dmarc
  if (result === undefined) {
    // RFC 9989 §5.3.1: without one author domain there is nothing to evaluate, now or later.
    return reason?.startsWith('from-')
      ? [statement('dmarc', 'permerror', { reason })]
      : noResult('dmarc', dmarc)
  }
  return [
    statement('dmarc', result, {
      ...(policy === undefined ? {} : { comment: `p=${policy}` }),
      reason:
        override === undefined ? undefined : `overridden, trusted ARC sealer ${override.arcSealer}`,
      properties: [
        ['header.from', domain],
        ['policy.dmarc', policy],
      ],
    }),
  ]
}

/** RFC 8617 §10.1 knows pass and fail; that there is no chain needs no word. */
function arcResult({ arc }: Verdicts): string[] {
  if (arc === undefined || (arc.result !== 'pass' && arc.result !== 'fail')) return []
  const sealers = arc.sealers ?? []
  const comment = sealers.length === 0 ? arc.comment : `sealed by ${sealers.slice(0, 5).join(', ')}`
  return [statement('arc', arc.result, comment === undefined ? {} : { comment })]
}

/** RFC 8601 §2.2 `pvalue`: a token, `[local-part]@domain`, or a quoted string. */
function propertyValue(text: string): string {
  const address = /^[A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
  return address.test(text) && text.length <= 255 ? text : tokenOrQuoted(text)
}

/** RFC 2045 §5.1 `token`. ASCII only: domains are A-labels by now, and readers stumble over the rest. */
function tokenOrQuoted(text: string): string {
  return /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,255}$/.test(text) ? text : quoted(ascii(text))
}

/** RFC 5322 §3.2.3 `dot-atom`. */
function dotAtomOrQuoted(text: string): string {
  const atom = /^[!#$%&'*+\-/0-9A-Z=?^_`a-z{|}~]+(\.[!#$%&'*+\-/0-9A-Z=?^_`a-z{|}~]+)*$/
  return text.length <= 255 && atom.test(text) ? text : quoted(text)
}

/** RFC 5322 §3.2.4, RFC 6532 §3.2: one line, whatever came in; long texts are cut. */
function quoted(text: string): string {
  return `"${plain(text).replace(/["\\]/g, '\\$&')}"`
}

/** RFC 5322 §3.2.2 `ctext`, without what would have to be escaped: not every reader knows how to undo that. */
function commentText(text: string): string {
  return ascii(plain(text)).replaceAll('(', '[').replaceAll(')', ']').replaceAll('\\', '/')
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}

function plain(text: string): string {
  const most = text.length > 255 ? text.slice(0, 255) : text
  return most.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}
