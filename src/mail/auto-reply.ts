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
  // RFC 5321 §4.1.1.3: `<postmaster>` is one's own, and who sent this is not known.
  if (!reversePath.includes('@')) return 'reverse-path-without-domain'
  if (isMachine(reversePath)) return 'reverse-path-of-a-machine'
  const forged = reasonForged(receipt)
  if (forged !== undefined) return forged
  for (const { name, value } of headerFields(header)) {
    const reason = reasonIn(name.toLowerCase(), value.trim().toLowerCase())
    if (reason !== undefined) return reason
  }
  return undefined
}

/**
 * Whoever is named in the reverse-path did not send it, or very likely not: the answer would be
 * backscatter. SPF alone speaks of the reverse-path, so what it passes is not doubted for the rest.
 */
function reasonForged({ verdicts }: Receipt): string | undefined {
  const { spf, dmarc, spam, virus } = verdicts
  if (spf.verdict === 'PASS') return undefined
  if (spf.verdict === 'FAIL') return 'sender-forged-spf'
  if (dmarc.verdict === 'FAIL') return 'sender-forged-dmarc'
  if (virus.verdict === 'FAIL') return 'sender-doubtful-virus'
  return spam.verdict === 'FAIL' ? 'sender-doubtful-spam' : undefined
}

/** RFC 3834 §2, and what list servers have used for decades. */
function isMachine(reversePath: string): boolean {
  const local = reversePath.slice(0, reversePath.lastIndexOf('@')).toLowerCase()
  return (
    /^(mailer-daemon|owner-.*|.*-(owner|request|relay|bounces?)|listserv|majordomo)$/.test(local) ||
    // VERP: `list-bounces+ann=example.com@…`, ezmlm's `list-return-12-ann=example.com@…`.
    /-bounces?\+|-return-\d+-/.test(local)
  )
}

function reasonIn(name: string, value: string): string | undefined {
  switch (name) {
    case 'auto-submitted':
      // RFC 3834 §5: a token, then perhaps parameters or a comment.
      return /^no\s*($|[;(])/.test(value) ? undefined : 'auto-submitted'
    case 'precedence':
      return /^(bulk|list|junk|auto_reply)\b/.test(value) ? 'precedence' : undefined
    case 'content-type':
      return /^(multipart\/report|message\/(global-)?(delivery-status|disposition-notification)|message\/feedback-report)\s*($|[;(])/.test(
        value,
      )
        ? 'a-report'
        : undefined
    case 'x-auto-response-suppress':
      // MS-OXCMAIL §2.2.3.2.14: NDR is what this would be; DR and OOF are other answers.
      return /\b(all|ndr)\b/.test(value) ? 'response-suppressed' : undefined
    default:
      // RFC 2369, RFC 2919.
      return /^list-(id|help|unsubscribe|subscribe|post|owner|archive)$/.test(name)
        ? 'a-list'
        : undefined
  }
}
