/** Who hands over a message and for whom: the SMTP envelope. Pure types. RFC 5321 §2.3.1 */

export type Envelope = {
  /** The client's address, IPv4 or IPv6, without brackets. */
  readonly remoteIp: string
  /** The client's PTR name; absent when there is none or it was not looked up. */
  readonly remoteHost?: string
  /** The argument of HELO or EHLO as sent: without control characters, at most 2 KiB. */
  readonly helo: string
  /** The argument of MAIL FROM without angle brackets; '' is the null reverse-path. */
  readonly reversePath: string
  /** Accepted RCPT TO addresses in the order given, without angle brackets; never empty, but in those of Amazon SES. */
  readonly recipients: readonly string[]
  /** The `with` keyword of RFC 3848 and RFC 6531: SMTP, ESMTP, ESMTPS, UTF8SMTP, UTF8SMTPS. */
  readonly protocol: string
  /** Present when the session was encrypted. */
  readonly tls?: { readonly version: string; readonly cipher: string }
}
