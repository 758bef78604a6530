/**
 * Whether a bounce message may be sent at all. A wrong one is worse than none: it goes to somebody who
 * sent nothing, to a list, or round in circles. Pure. RFC 3834 §2, §5; RFC 5321 §6.1; RFC 3464 §2
 */
import { headerFields } from './header-fields.ts'
import type { Receipt } from './receipt.ts'

/** Why not, machine-readable; `undefined` when it may. `header`: the message's own header section. */
export function reasonNotToAnswer(receipt: Receipt, header: Uint8Array): string | undefined {
  const { reversePath } = receipt.envelope
  // RFC 5321 §4.5.5: a message with a null reverse-path is answered by nobody.
  if (reversePath === '') return 'null-reverse-path'
  if (isMachine(reversePath)) return 'reverse-path-of-a-machine'
  // Whoever is named there did not send it: the answer would be backscatter.
  const { spf, dmarc } = receipt.verdicts
  if (spf.verdict === 'FAIL') return 'sender-forged-spf'
  if (dmarc.verdict === 'FAIL') return 'sender-forged-dmarc'
  for (const { name, value } of headerFields(header)) {
    const reason = reasonIn(name.toLowerCase(), value.trim().toLowerCase())
    if (reason !== undefined) return reason
  }
  return undefined
}

/** RFC 3834 §2, and what list servers have used for decades. */
function isMachine(reversePath: string): boolean {
  const local = reversePath.slice(0, reversePath.lastIndexOf('@')).toLowerCase()
  return (
    /^(mailer-daemon|owner-.*|.*-(owner|request|relay|bounces?)|(listserv|majordomo))$/.test(
      local,
    ) ||
    // VERP: `list-bounces+ann=example.com@…`.
    /^.*-bounces?\+.*$/.test(local)
  )
}

function reasonIn(name: string, value: string): string | undefined {
  switch (name) {
    case 'auto-submitted':
      return /^no\b/.test(value) ? undefined : 'auto-submitted'
    case 'precedence':
      return /^(bulk|list|junk)\b/.test(value) ? 'precedence' : undefined
    case 'content-type':
      return /^(multipart\/report|message\/(delivery-status|disposition-notification|feedback-report|global-delivery-status))\b/.test(
        value,
      )
        ? 'a-report'
        : undefined
    case 'x-auto-response-suppress':
      return /\b(all|dr|autoreply)\b/.test(value) ? 'response-suppressed' : undefined
    default:
      // RFC 2369, RFC 2919.
      return /^list-(id|help|unsubscribe|subscribe|post|owner|archive)$/.test(name)
        ? 'a-list'
        : undefined
  }
}
