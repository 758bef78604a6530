/**
 * The HTTP role: /healthz (this process lives), /readyz (mail can be taken and delivered), /metrics
 * (Prometheus). Shows numbers and states only, no address and no id; binds to loopback by default.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import type { Config } from '../config/options.ts'
import { parseListen } from '../config/texts.ts'
import { connectRedis, type RedisTroubles, redisTroubles } from '../delivery/redis.ts'
import { openDns } from '../dns/resolver.ts'
import { describeError } from '../errors.ts'
import { watchZones } from '../filters/zones.ts'
import { log } from '../log.ts'
import { freeSpace } from '../spool/free-space.ts'
import { Spool } from '../spool/spool.ts'
import { enginesOf, openEngines } from './engines.ts'
import { portIsFree } from './ports.ts'
import { prepare } from './prepare.ts'
import { redisPlace } from './redis-server.ts'
import { watchSmtp } from './smtp-state.ts'
import { onStop } from './stop.ts'
import { watchRules } from './watch-rules.ts'

/** How long a probe waits for Redis; they are asked every few seconds and wait little longer. */
const pingMs = 2000

/** Resolves with the address. Throws `UserError`. */
export async function runHttp(config: Config): Promise<string> {
  await prepare(config)
  await portIsFree('http.listen', config.http.listen)
  const smtpTrouble = watchSmtp()
  const spool = new Spool(config.dataDir)
  const space = freeSpace(config.dataDir, config.spool)
  const redis = connectRedis(redisPlace(config), 'fails-fast')
  // Asked here and not told by the other processes: it costs two questions every few minutes.
  const { dnsbl, dnswl, probeSeconds } = config.blocklists
  const dns = openDns({ ...config.dns, cacheEntries: 0 })
  const zones = watchZones([...dnsbl, ...dnswl], dns.resolve, probeSeconds)
  const engines = openEngines(config)
  const rules = watchRules(config)

  // Loaded for the first that asks: a fifth of what this role costs to start.
  let registry: Registry | undefined

  /** What may keep this node from taking, checking or delivering mail; each a line of /readyz. */
  const troubles: readonly (() => Promise<string | undefined>)[] = [
    async () => smtpTrouble(),
    async () => {
      await space.refresh()
      if (!space.isLow(0)) return undefined
      return 'disk: below spool.minFreeBytes or minFreeInodes, or not writable; mail is deferred'
    },
    async () => {
      const { evicts, refuses } = await troublesInTime(redisTroubles(redis, redisPlace(config)))
      if (refuses !== undefined) return `redis: ${refuses}; mail is accepted and waits in the spool`
      return evicts && `redis: ${evicts}`
    },
    async () => {
      const trouble = await rules.trouble()
      return trouble && `rules: ${trouble}; the rules before stay in force`
    },
    ...enginesOf(engines).map(([, { health }]) => health),
    ...zones.states().map(({ zone }) => async () => {
      const reason = zones.states().find((each) => each.zone === zone)?.reason
      if (reason === undefined) return undefined
      return `list ${zone}: ${reason}; it is switched off, mail is accepted without it`
    }),
  ]

  async function answer(path: string | undefined, response: ServerResponse): Promise<void> {
    if (path === '/healthz') return send(response, 200, 'ok\n')
    if (path === '/readyz') {
      const answers = await Promise.all(troubles.map((trouble) => trouble()))
      const found = answers.filter((each) => each !== undefined)
      return send(
        response,
        found.length === 0 ? 200 : 503,
        `${['ready', ...found].slice(found.length === 0 ? 0 : 1).join('\n')}\n`,
      )
    }
    if (path === '/metrics') {
      const { registryOf } = await import('./metrics.ts')
      registry ??= registryOf({ spool, zones, engines, rules })
      return send(response, 200, await registry.metrics(), registry.contentType)
    }
    send(response, 404, 'There is /healthz, /readyz and /metrics here.\n')
  }

  const server = createServer((request, response) => {
    answer(request.url, response).catch((error: unknown) => {
      log.error({ reason: describeError(error) }, 'An HTTP request could not be answered')
      send(response, 500, 'failed\n')
    })
  })
  const place = parseListen(config.http.listen)
  await new Promise<void>((resolve) => server.listen(place?.port, place?.host, resolve))
  onStop(async () => {
    server.close()
    redis.disconnect()
    rules.close()
    zones.close()
    dns.close()
  })
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** No answer is trouble, too: a Redis that hangs takes the question and never answers. */
async function troublesInTime(asked: Promise<RedisTroubles>): Promise<RedisTroubles> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<RedisTroubles>((resolve) => {
    timer = setTimeout(resolve, pingMs, { refuses: `no answer in ${pingMs} ms` })
  })
  const answered = asked.catch((error: unknown) => ({ refuses: describeError(error) }))
  const found = await Promise.race([answered, deadline])
  clearTimeout(timer)
  return found
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type })
  response.end(text)
}
