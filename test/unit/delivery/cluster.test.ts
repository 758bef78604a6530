import { afterAll, expect, test } from 'vitest'
import { openQueue } from '../../../src/delivery/queue.ts'
import { connectRedis } from '../../../src/delivery/redis.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { freePort } from '../../support/port.ts'
import { until } from '../../support/postern.ts'
import { startRedis, stopRedis } from '../../support/redis.ts'

afterAll(stopRedis)

test('on a Redis Cluster entries are added, known and forgotten as on one Redis', async () => {
  const port = await freePort()
  const bus = await freePort()
  const more = [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    `${bus}`,
    '--cluster-announce-ip',
    '127.0.0.1',
  ]
  const server = await startRedis({ port, more })
  await server.start()
  await server.cli('cluster', 'addslotsrange', '0', '16383')
  await until(async () => (await server.cli('cluster', 'info')).includes('cluster_state:ok'))
  const client = connectRedis({ cluster: [{ host: '127.0.0.1', port }], tls: false }, 'fails-fast')
  const queue = openQueue(client, 'mx1.example.test')
  await until(() => client.status === 'ready')
  const ids = [newMessageId(1), newMessageId(2)]
  await queue.add(ids)
  expect(await queue.unknown([...ids, newMessageId(3)])).toHaveLength(1)
  await queue.clear()
  expect(await queue.unknown(ids)).toEqual(ids)
  client.disconnect()
})
