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

// Of a heap of 38 MB V8 thinks that 29 may be in use, and collects the whole heap two to four times a second, 5 to 7 ms
// each and 40 more of its threads': it may grow to four times what is in use. A tenth less CPU for a message, and a
// quarter of the collections.
setFlagsFromString('--heap-growing-percent=300')

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
