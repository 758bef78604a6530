/**
 * The user metadata of a stored message (D§6): a clear-text index that nobody should trust, since no
 * object store authenticates it. No addresses, no subject; far below S3's 2 KB. Pure.
 */
import type { Receipt } from './receipt.ts'

/** `prepended`: octets of the stored message that are ours. */
export function metadataOf(receipt: Receipt, prepended: number): Record<string, string> {
  const { verdicts } = receipt
  return {
    'postern-id': receipt.id,
    'postern-time': receipt.time,
    'postern-rule-set': receipt.ruleSet,
    'postern-rule': receipt.rule,
    'postern-spf': verdicts.spf.verdict,
    'postern-dkim': verdicts.dkim.verdict,
    'postern-dmarc': verdicts.dmarc.verdict,
    ...(verdicts.dmarcPolicy === undefined ? {} : { 'postern-dmarc-policy': verdicts.dmarcPolicy }),
    'postern-spam': verdicts.spam.verdict,
    'postern-virus': verdicts.virus.verdict,
    'postern-size': String(receipt.size),
    'postern-prepended': String(prepended),
    ...(receipt.replay === undefined ? {} : { 'postern-replay-of': receipt.replay.of }),
  }
}
