/**
 * The network between Postern and a real server, played by a TCP forwarder on a port of its own: a
 * path that is down (nobody listens), and one that stops carrying octets in the middle of an upload.
 * What passes is not looked at and not changed.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Forwarder = {
  /** Listens; until then a connection is refused. */
  readonly open: () => Promise<void>
  readonly close: () => Promise<void>
  /** Octets carried towards the server so far. */
  readonly carried: () => number
  /** From now on at most `octets` more are carried towards the server; then it stands still. */
  readonly holdAfter: (octets: number) => void
  /** Whether it stands still. */
  readonly isHeld: () => boolean
  /** Carries on, for connections that are still there and for new ones. */
  readonly release: () => void
}

/** `host`: where to listen, an address of this machine. */
export function forwarder(port: number, to: URL, host = '127.0.0.1'): Forwarder {
  const sockets = new Set<Socket>()
  let carried = 0
  let limit = Number.POSITIVE_INFINITY
  const held = new Set<() => void>()
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    const both = [client, upstream]
    for (const each of both) {
      sockets.add(each)
      each.setNoDelay(true)
      each.on('error', () => {})
      each.on('close', () => {
        for (const other of both) other.destroy()
        sockets.delete(each)
      })
    }
    upstream.pipe(client)
    client.on('data', (octets) => {
      const go = (): void => {
        carried += octets.length
        if (!upstream.write(octets)) upstream.once('drain', () => client.resume())
        else client.resume()
      }
      client.pause()
      if (carried + octets.length > limit) held.add(go)
      else go()
    })
  })
  return {
    open: () => new Promise((resolve) => server.listen(port, host, resolve)),
    async close() {
      for (const each of sockets) each.destroy()
      if ((server.address() as AddressInfo | null) === null) return
      await new Promise((resolve) => server.close(resolve))
    },
    carried: () => carried,
    holdAfter(octets) {
      limit = carried + octets
    },
    isHeld: () => held.size > 0,
    release() {
      limit = Number.POSITIVE_INFINITY
      for (const go of [...held]) go()
      held.clear()
    },
  }
}
