/** What MAIL and RCPT may say beside the address: the parameters of what EHLO offers. Pure. */
import { type Answer, replies } from './replies.ts'
import type { Address, Parameters } from './types.ts'

export type MailParameters = {
  /** RFC 6531 §3.4: addresses and header fields may be UTF-8. */
  readonly smtpUtf8: boolean
  /** RFC 1870 §6: octets announced, 0 when none were. */
  readonly size: number
}

/** The parameters of MAIL, or the refusal of one that was not offered. RFC 5321 §4.1.1.11 */
export function mailParameters(given: Parameters): MailParameters | Answer {
  let size = 0
  let smtpUtf8 = false
  for (const [name, value] of Object.entries(given)) {
    if (name === 'SIZE') {
      // RFC 1870 §6.3: up to 20 digits.
      if (value === null || !/^\d{1,20}$/.test(value)) return replies.badParameter
      size = Number(value)
    } else if (name === 'BODY') {
      // RFC 6152 §2. BINARYMIME (RFC 3030) is not offered.
      if (!/^(7BIT|8BITMIME)$/i.test(value ?? '')) return replies.badParameter
    } else if (name === 'SMTPUTF8') {
      if (value !== null) return replies.badParameter
      smtpUtf8 = true
    } else return replies.unknownParameter
  }
  return { size, smtpUtf8 }
}

/** RFC 6531 §3.5: such an address comes only with SMTPUTF8. */
export function isInternational({ address }: Pick<Address, 'address'>): boolean {
  return /[^\x00-\x7f]/.test(address)
}

/** Octets that are no UTF-8 have become U+FFFD in Haraka's hands: it is not the address that was sent. */
export function isMangled({ address }: Pick<Address, 'address'>): boolean {
  return address.includes('\ufffd')
}
