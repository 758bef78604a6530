/**
 * Plays the applications behind topics, webhooks and functions: an HTTP server that keeps what it is
 * posted and answers, path by path, as the test says: at once, with an error, or not yet.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Posted = {
  readonly headers: IncomingHttpHeaders
  /** As it came: what a signature is for. */
  readonly body: string
}

export type Answer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export type Target = {
  readonly url: (path: string) => string
  /** All that was posted to a path, in order. */
  readonly got: (path: string) => readonly Posted[]
  /** What the path answers from now on, by the place of a request among its own; 200 until then. */
  readonly answer: (path: string, how: (count: number) => Answer | 'hold') => void
  readonly close: () => void
}

const started = new Set<Target>()

export async function startTarget(): Promise<Target> {
  const posted = new Map<string, Posted[]>()
  const answers = new Map<string, (count: number) => Answer | 'hold'>()
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.once('end', () => {
      const path = request.url ?? ''
      const list = posted.get(path) ?? []
      posted.set(path, list)
      list.push({ headers: request.headers, body: Buffer.concat(pieces).toString('utf8') })
      const answer = answers.get(path)?.(list.length) ?? {}
      if (answer !== 'hold') reply(response, answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const self: Target = {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    got: (path) => posted.get(path) ?? [],
    answer: (path, how) => void answers.set(path, how),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  started.add(self)
  return self
}

function reply(response: ServerResponse, { status = 200, headers = {}, body = '' }: Answer): void {
  response.writeHead(status, headers).end(body)
}

/** For afterEach/afterAll. */
export function stopTargets(): void {
  for (const each of started) each.close()
  started.clear()
}

/** A secret in Standard Webhooks' form. */
export const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
