/** A real HTTP server on loopback that answers as a test says, and the requests that it got. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export type Got = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
export type Running = { readonly url: string; readonly port: number; readonly got: Got[] }

/** For one test, which ends it. `answer` is called when the whole request has been read. */
export async function listen(
  answer: (...given: [...Parameters<RequestListener>, Got]) => void,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Running> {
  const got: Got[] = []
  const onRequest: RequestListener = (request, response) => {
    bodyOf(request).then(
      (body) => {
        const headers = request.headers as Record<string, string>
        const one = { path: request.url ?? '', headers, body }
        got.push(one)
        answer(request, response, one)
      },
      () => {},
    )
  }
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest)
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`, port, got }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString('utf8')
}
