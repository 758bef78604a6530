/**
 * The door before Haraka: a connection that may not be is told so and closed before Haraka makes
 * a session of it, which costs a hundred times as much. A connection counts until its socket is gone.
 */
import type { Server, Socket } from 'node:net'
import { shortLived } from './short-lived.ts'
import { connectionCame } from './turns.ts'

export type Door = {
  /** Counts a connection of this address, or answers what it is told instead. */
  readonly enter: (ip: string) => { readonly code: number; readonly text: string } | undefined
  readonly leave: (ip: string) => void
}

/** To be called when they listen. */
export function guard(listeners: readonly Server[], door: Door): void {
  for (const server of listeners) {
    const accept = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (mayEnter(socket, door)) for (const each of accept) each.call(server, socket)
    })
  }
}

function mayEnter(socket: Socket, { enter, leave }: Door): boolean {
  connectionCame()
  const ip = socket.remoteAddress
  // Gone already. Haraka sees that, too.
  if (ip === undefined) return true
  const refusal = enter(ip)
  if (refusal === undefined) {
    whenGone(socket, () => leave(ip))
    return true
  }
  socket.on('error', () => {})
  socket.end(`${refusal.code} ${refusal.text}\r\n`, () => socket.destroy())
  return false
}

/** Not by an event: Haraka 3.3.4 takes all listeners off the socket at STARTTLS. */
function whenGone(socket: Socket, then: () => void): void {
  const destroy = socket._destroy.bind(socket)
  socket._destroy = shortLived((error, done) => {
    socket._destroy = destroy
    then()
    destroy(error, done)
  })
}
