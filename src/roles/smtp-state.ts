/**
 * Whether this node takes mail, as /readyz tells it: the SMTP role says so to `serve`, and `serve` to the
 * HTTP role. A role that runs alone is not told and does not guess.
 */

export type SmtpState = 'listening' | 'away' | 'stopping'

/** From the SMTP role when its listeners are up, and when no process of it is left that listens. */
export const listeningMessage = { postern: 'listening' } as const
export const awayMessage = { postern: 'away' } as const

/** What a message of the SMTP role says, if it says so. */
export function stateOf({ postern }: { readonly postern?: string }): SmtpState | undefined {
  return postern === 'listening' || postern === 'away' ? postern : undefined
}

type StateMessage = { readonly postern: 'smtp'; readonly state: SmtpState }

export function stateMessage(state: SmtpState): StateMessage {
  return { postern: 'smtp', state }
}

const troubles: Readonly<Record<SmtpState, string | undefined>> = {
  listening: undefined,
  away: 'smtp: no process listens yet, mail is not taken',
  stopping: 'smtp: Postern is stopping, new mail is not taken',
}

/** In the HTTP role: what keeps this node from taking mail, as it was told last. */
export function watchSmtp(): () => string | undefined {
  // Started by `serve`, it hears from it soon; alone, never.
  let state: SmtpState = process.env['POSTERN_ROLE'] === 'http' ? 'away' : 'listening'
  process.on('message', (message: Partial<StateMessage> | null) => {
    if (message?.postern === 'smtp' && message.state !== undefined) state = message.state
  })
  return () => troubles[state]
}
