/** The actions put together from the configuration: stores, topics, functions, bounces. Composition only. */
import { setServers } from 'node:dns'
import { existsSync, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Cluster, Redis } from 'ioredis'
import type { Action } from '../actions/action.ts'
import { actionRegistry } from '../actions/registry.ts'
import type { Config } from '../config/options.ts'
import { parseListen } from '../config/texts.ts'
import { connectRedis, type RedisPlace } from '../delivery/redis.ts'
import { PermanentError } from '../errors.ts'
import { openOutbound } from '../haraka/outbound.ts'
import { openFunction } from '../notify/function.ts'
import { openTopic, openWebhook } from '../notify/topic.ts'
import { places } from './prepare.ts'
import { sealerFinder } from './sealers.ts'
import { bucketOpener } from './stores.ts'

/** `worker`: which one of this node, for what each has of its own. */
export async function openActions(
  config: Config,
  redis: RedisPlace,
  worker: number,
): Promise<{ readonly act: Action; readonly close: () => void }> {
  const { hostname, resources, notifications, quarantine, smtp } = config
  const closers: (() => void)[] = []
  const bucket = await bucketOpener(config)
  const { sealer, close: closeSealers } = sealerFinder(config)
  closers.push(closeSealers)
  let client: Redis | Cluster | undefined
  const ownRedis = (): Redis | Cluster => {
    // It is opened by the first that needs it, which must not fail for that.
    client ??= connectRedis(redis, 'fails-soon')
    return client
  }
  /** Opens each once. */
  const once = <T extends { readonly close: () => void }>(open: (name: string) => T) => {
    const opened = new Map<string, T>()
    return (name: string): T => {
      const target = opened.get(name) ?? open(name)
      if (!opened.has(name)) closers.push(target.close)
      opened.set(name, target)
      return target
    }
  }
  const outbound = openBounces(config, worker)
  const act = actionRegistry({
    hostname,
    maxHeaderBytes: smtp.maxHeaderBytes,
    maxContentBytes: notifications.maxContentBytes,
    quarantine,
    bucket,
    sealer,
    topic: once((arn) => openTopic(arn, mapped(resources.topics, arn), ownRedis)),
    webhook: once((name) => {
      const place = mapped(resources.webhooks, name)
      if (place === undefined)
        throw new PermanentError(`resources.webhooks in postern.yaml has no ${name}`)
      return openWebhook(place)
    }),
    functionTarget: once((arn) => openFunction(arn, mapped(resources.functions, arn))),
    send: outbound.send,
    async objectUrl(action, key) {
      const { urlSeconds } = notifications
      // What is stored in clear text is not handed to whoever reads a notification.
      if (urlSeconds === 0 || sealer(action) === 'none') return undefined
      const url = await bucket(action.BucketName).url?.(key, urlSeconds)
      const urlExpires = new Date(Date.now() + urlSeconds * 1000).toISOString()
      return url === undefined ? undefined : { url, urlExpires }
    },
  })
  return {
    act,
    close() {
      for (const close of closers) close()
      client?.disconnect()
    },
  }
}

function openBounces(config: Config, worker: number) {
  const { bounces, dataDir, delivery, dns, hostname } = config
  // Haraka's outbound asks Node's own resolver.
  if (dns.servers.length > 0) setServers(dns.servers)
  const relay = bounces.relay === 'off' ? undefined : parseListen(bounces.relay)
  const { outbound } = places(dataDir)
  const queueOf = (number: number) => join(outbound, String(number), 'queue')
  // One worker takes the queues that an earlier run with more of them has left.
  const abandoned =
    worker === 0
      ? numbersIn(outbound)
          .filter((number) => number >= delivery.processes)
          .map(queueOf)
      : []
  return openOutbound({
    home: join(outbound, String(worker), 'haraka'),
    queue: queueOf(worker),
    abandoned,
    hostname,
    ...(relay === undefined ? {} : { relay }),
    pluginDirectory: join(import.meta.dirname, '../../plugins'),
    extension: extname(import.meta.filename),
  })
}

/** The workers, of this run or an earlier one, that have a directory in `directory`. */
function numbersIn(directory: string): number[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory).map(Number).filter(Number.isInteger)
}

function mapped<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
