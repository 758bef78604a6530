/** fauxqs: an emulator that speaks the protocol of SNS and SQS; it stands for AWS. */
import { Server } from 'node:net'
import { type FauxqsServer, startFauxqs } from 'fauxqs'

/** On a free port of loopback: it would listen on all addresses, whatever it is told. */
export async function startEmulator(): Promise<FauxqsServer & { readonly endpoint: string }> {
  const { listen } = Server.prototype
  Server.prototype.listen = function (this: Server, first: object, ...rest: unknown[]) {
    return Reflect.apply(listen, this, [{ ...first, host: '127.0.0.1' }, ...rest])
  } as typeof listen
  try {
    const server = await startFauxqs({ port: 0, logger: false })
    return Object.assign(server, { endpoint: `http://127.0.0.1:${server.port}` })
  } finally {
    Server.prototype.listen = listen
  }
}
