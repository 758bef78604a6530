/**
 * The part of Haraka 3.3.4 that Postern touches, typed by hand: Haraka has no types of its own
 * (haraka/Haraka#3470). Whatever is not here is not used.
 */

/** `@haraka/email-address`: an argument of MAIL FROM or RCPT TO. */
export type Address = {
  /** `local@domain` without brackets; '' for the null reverse-path. */
  readonly address: string
  readonly user: string
  readonly host: string
}

export type Parameters = Readonly<Record<string, string | null>>

export type Transaction = {
  readonly uuid: string
  readonly mail_from: Address
  readonly rcpt_to: readonly Address[]
  readonly notes: Record<string, unknown>
  /** true: Haraka keeps nothing of the content. */
  discard_data: boolean
  data_bytes: number
  readonly message_stream: { destroy: () => void }
}

export type Socket = {
  readonly targetsocket?: {
    readonly writableNeedDrain?: boolean
    setNoDelay?: (on: boolean) => void
    removeAllListeners?: () => void
    on?: (event: 'error', listener: () => void) => void
  }
  pause: () => void
  resume: () => void
  readonly write: (octets: string) => unknown
  readonly destroy: () => void
  readonly on: (event: 'drain' | 'close' | 'error', listener: () => void) => unknown
  readonly removeAllListeners: () => void
}

export type Connection = {
  readonly uuid: string
  readonly client: Socket
  readonly remote: { readonly ip: string; readonly is_private: boolean }
  readonly hello: { readonly host: string | null; readonly verb: 'HELO' | 'EHLO' | null }
  readonly tls: {
    readonly enabled: boolean
    /** Whether STARTTLS may be used. */
    advertised: boolean
    readonly cipher?: {
      readonly name?: string
      readonly standardName?: string
      readonly version?: string
    }
  }
  readonly notes: Record<string, unknown>
  transaction: Transaction | null
  capabilities: string[] | null
  state: number
  current_data: Buffer | null
  /** From the end of data to the reply to it. */
  readonly awaiting_data_reply: boolean
  process_data: (chunk: Buffer) => void
  _process_data: () => void
  readonly process_line: (line: Buffer) => void
  readonly data_done: () => void
  respond: (code: number | string, text: unknown, then?: () => void) => unknown
  readonly disconnect: () => void
  /** Runs `INTERNALCMD`, a way for local users to command the server. */
  cmd_internalcmd?: unknown
}

export type Plugin = {
  readonly name: string
  readonly register_hook: (hook: string, method: string, priority?: number) => void
}

/** `value`: a text for most hooks, an object for some. */
export type Next = (result?: number, value?: unknown) => void
