/** The servers of a group, started together. */
import type { Group, ServerName } from '../cases.ts'
import type { Contestant } from '../rounds.ts'
import { newCertificate } from './certificate.ts'
import { startEngines } from './engines.ts'
import { startHaraka } from './haraka.ts'
import { startOwn } from './postern.ts'
import { startPostfix } from './postfix.ts'
import type { Server } from './server.ts'

export type Started = {
  readonly contestants: readonly Contestant[]
  readonly stop: () => Promise<void>
}

/** `dns`: of the name server; `directory`: removed at the end of the run. */
export async function startGroup(group: Group, dns: string, directory: string): Promise<Started> {
  const { processes, scans, loads } = group
  const engines = scans ? await startEngines(dns) : undefined
  const tls = loads.some((load) => load.tls) ? { certificate: await newCertificate(directory) } : {}

  function start(name: ServerName): Promise<Server> {
    switch (name) {
      case 'haraka':
        return startHaraka({ workers: 0, ...tls })
      case 'haraka cluster':
        return startHaraka({ workers: 2, ...tls })
      case 'haraka tuned':
        return startHaraka({ workers: 0, tuned: true, ...tls })
      case 'postern':
        return startOwn({ dns, processes, ...tls, ...(engines && { config: engines.config }) })
      case 'postfix':
        return startPostfix({ ...tls, ...(engines && { milter: engines.milter }) })
    }
  }

  const contestants = await Promise.all(
    group.servers.map(
      async (name): Promise<Contestant> => ({
        name,
        server: await start(name),
        ...(engines && { engines: engines.pids }),
      }),
    ),
  )
  return {
    contestants,
    async stop() {
      for (const { server } of contestants) await server.stop()
      await engines?.stop()
    },
  }
}
