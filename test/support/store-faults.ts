/**
 * A bad day between Postern and a real S3 server: an HTTP proxy on a port of its own that plays, request by
 * request, what overloaded servers, gateways before them and the network do. What it lets pass it does
 * not change; Host stays, so that the server accepts the signature.
 */
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

type Play = (request: IncomingMessage, response: ServerResponse, to: Upstream) => void

const xml = (code: string): string =>
  `<Error><Code>${code}</Code><Message>${code}</Message></Error>`

/** Takes the request, and answers so. */
const refuse =
  (status: number, body: string, type = 'application/xml'): Play =>
  (request, response) => {
    request
      .resume()
      .once('end', () => response.writeHead(status, { 'content-type': type }).end(body))
  }

/** One octet every 20 ms, until the client has had enough. */
function drip(response: ServerResponse, head: string, octet: string): void {
  const { socket } = response
  socket?.write(head)
  const timer = setInterval(() => socket?.write(octet), 20)
  socket?.once('close', () => clearInterval(timer))
}

const plays = {
  /** Nothing wrong. */
  none: (request, response, to) => to.pass(request, (answer) => to.relay(answer, response)),
  /** The server asks for patience: it did nothing. */
  'slow-down': refuse(503, xml('SlowDown')),
  /** A gateway that does not reach the server has words of its own. */
  gateway: refuse(502, '<html><body><h1>502 Bad Gateway</h1></body></html>', 'text/html'),
  /** The network breaks in the middle of what is sent. */
  'cut-request': (request, _response, to) => to.passHalf(request),
  /** The server has done it, and the answer is lost. */
  'lost-answer': (request, _response, to) =>
    to.pass(request, (answer) => answer.resume().once('end', () => request.socket.destroy())),
  /** The same in the middle of the answer. */
  'cut-answer': (request, { socket }, to) =>
    to.pass(request, (answer) =>
      answer
        .resume()
        .once('end', () => socket?.write('HTTP/1.1 200 OK\r\nETag: "', () => socket.destroy())),
    ),
  /** It takes everything, and never answers. */
  hang: (request) => void request.resume(),
  /** The same, and it looks alive. */
  drip: (request, response) =>
    void request.resume().once('end', () => drip(response, 'HTTP/1.1 200 OK\r\nX-Slow: ', 'x')),
  /** AWS: an answer that began with 200 while parts were being joined, and ended as a failure. */
  'failed-200': (request, response, to) =>
    request.method === 'POST'
      ? refuse(200, xml('InternalError'))(request, response, to)
      : refuse(500, xml('InternalError'))(request, response, to),
  /** The server's clock is another. */
  skewed: refuse(403, xml('RequestTimeTooSkewed')),
} as const satisfies Record<string, Play>

export type Fault = keyof typeof plays

type Upstream = {
  readonly pass: (request: IncomingMessage, then: (answer: IncomingMessage) => void) => void
  readonly passHalf: (request: IncomingMessage) => void
  readonly relay: (answer: IncomingMessage, response: ServerResponse) => void
}

export type StoreFaults = {
  readonly port: number
  /** Listens; until then, and after `close`, a connection is refused. */
  readonly open: () => Promise<void>
  readonly close: () => Promise<void>
  /** What is played from now on: always the same, or as it is chosen for each request. */
  readonly play: (choose: Fault | ((request: IncomingMessage) => Fault)) => void
  /** Breaks every connection: what hangs does so no longer. */
  readonly drop: () => void
  /** How often each was played. */
  readonly played: () => Readonly<Partial<Record<Fault, number>>>
}

export function storeFaults(port: number, to: URL): StoreFaults {
  const agent = new Agent({ keepAlive: true })
  let choose: (request: IncomingMessage) => Fault = () => 'none'
  const played: Partial<Record<Fault, number>> = {}
  const upstream = upstreamAt(to, agent)
  const server = createServer((request, response) => {
    for (const each of [request, response]) each.on('error', () => {})
    const fault = choose(request)
    played[fault] = (played[fault] ?? 0) + 1
    plays[fault](request, response, upstream)
  })
  server.on('connection', (socket) => socket.on('error', () => {}))
  return {
    port,
    open: () => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve)),
    async close() {
      server.closeAllConnections()
      agent.destroy()
      if ((server.address() as AddressInfo | null) === null) return
      await new Promise((resolve) => server.close(resolve))
    },
    drop: () => server.closeAllConnections(),
    play(what) {
      choose = typeof what === 'function' ? what : () => what
    },
    played: () => played,
  }
}

function upstreamAt(to: URL, agent: Agent): Upstream {
  const begin = ({ method = '', url = '', headers }: IncomingMessage) => {
    // The proxy has said 100 itself.
    const { expect: _, connection: __, ...rest } = headers
    const { hostname: host, port } = to
    return httpRequest({ host, port, method, path: url, headers: rest, agent })
  }
  return {
    pass(request, then) {
      const asked = begin(request)
      asked.once('response', then).on('error', () => request.socket.destroy())
      request.once('close', () => void (request.complete || asked.destroy()))
      request.pipe(asked)
    },
    passHalf(request) {
      const asked = begin(request)
      asked.on('error', () => {})
      let left = Number(request.headers['content-length'] ?? 0) / 2
      const cut = (): void => {
        asked.destroy()
        request.socket.destroy()
      }
      if (left === 0) return cut()
      request.on('data', (octets: Buffer) => {
        if (left <= 0) return
        asked.write(octets.subarray(0, Math.ceil(left)))
        left -= octets.length
        if (left <= 0) setImmediate(cut)
      })
    },
    relay(answer, response) {
      answer.on('error', () => response.destroy())
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    },
  }
}
