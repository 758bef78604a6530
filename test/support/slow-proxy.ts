/**
 * A TCP proxy on loopback before a real server. Plays a slow one: while a delay is set, what a client sends
 * is passed on piece by piece, each so long after the one before it. Answers come at once.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type SlowProxy = {
  readonly port: number
  /** From now on, for connections that are open, too; 0: none. */
  readonly delay: (milliseconds: number) => void
}

const closers = new Set<() => void>()

export async function startSlowProxy(toPort: number): Promise<SlowProxy> {
  let delayMs = 0
  const sockets = new Set<Socket>()

  function join(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: toPort })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      // Either side may go at any moment: the other hears of it.
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    server.on('data', (octets) => client.write(octets))
    let turn = Promise.resolve()
    client.on('data', (octets) => {
      turn = turn.then(async () => {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
        server.write(octets)
      })
    })
  }

  const listener = createServer(join)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  closers.add(() => {
    listener.close()
    for (const each of sockets) each.destroy()
  })
  return {
    port: (listener.address() as AddressInfo).port,
    delay: (milliseconds) => {
      delayMs = milliseconds
    },
  }
}

/** For afterEach/afterAll. */
export function stopProxies(): void {
  for (const close of closers) close()
  closers.clear()
}
