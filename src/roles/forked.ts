/**
 * The program of a process that `serve` forks: one role, with the configuration that its parent has read. So
 * all processes of a run have the same, and only one of them loads what it takes to read it.
 */
import { flushCompileCache } from 'node:module'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { report } from '../cli/report.ts'
import { configureLog } from '../log.ts'
import { configReceived } from './fork.ts'
import { type Role, runRole } from './run-role.ts'

// The Buffers of messages come and go by the second, and V8 13.6 (Node 24) collects the whole heap for each 64 MB of
// them, 6 ms at a time: half as often with this, and a tenth less CPU for a message of 64 KiB.
if (process.versions.v8.startsWith('13.6.'))
  setFlagsFromString('--external-memory-accounted-in-global-limit')

const { values } = parseArgs({
  options: {
    role: { type: 'string' },
    dataDir: { type: 'string' },
    worker: { type: 'string', default: '0' },
    fresh: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
  },
})
const { role, worker, fresh, again } = values

try {
  const config = await configReceived()
  await configureLog(config.log)
  const part = { role: role as Role, number: Number(worker), fresh, again }
  const addresses = await runRole(config, part)
  // Node itself keeps what it compiled at a clean exit only, and a server may never have one.
  flushCompileCache()
  process.send?.({ postern: 'serving', addresses })
} catch (error) {
  process.exitCode = report(error)
  // A role that failed to start may hold sockets that would keep the process alive.
  process.exit()
}
