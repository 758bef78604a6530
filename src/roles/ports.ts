/** Whether a port can be had, and what to do when it can't. */
import { createServer } from 'node:net'
import { parseListen } from '../config/texts.ts'
import { errorCode, UserError } from '../errors.ts'

/** Haraka would go on without the port, or start workers forever that can't have it. */
export async function portIsFree(option: string, address: string): Promise<void> {
  const place = parseListen(address)
  if (place === undefined || place.port === 0) return
  const { host, port } = place
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen(port, host, resolve)
    })
  } catch (error) {
    throw new UserError(`${option}: ${reasonFor(errorCode(error), address, port)}`)
  } finally {
    probe.close()
  }
}

function reasonFor(code: string | undefined, address: string, port: number): string {
  if (code === 'EADDRINUSE') {
    return `${address} is taken by another program; stop it (ss -ltnp "sport = :${port}" shows it) or set another port in postern.yaml.`
  }
  if (code === 'EACCES') {
    return `${address} needs a right this user lacks; start as root, or: setcap cap_net_bind_service=+ep on the node binary.`
  }
  return `${address} can't be listened on (${code}); set an address of this machine in postern.yaml.`
}
