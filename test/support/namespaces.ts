/**
 * Machines of a network of their own, for tests: network namespaces, each with one address on a bridge
 * of this machine. What runs in one reaches the bridge and its neighbours, nothing else. A cable can be
 * cut: packets are lost without a word, as they are when the other machine has lost its power.
 * Needs root and Linux's `ip`. Nothing here is a fake but the cable.
 */
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'

export type Machine = {
  readonly address: string
  /** What a command is put behind to run on it. */
  readonly run: readonly string[]
  /** From now on nothing that it sends to `address` arrives. */
  readonly cut: (address: string) => void
  readonly mend: (address: string) => void
}

export type Lan = {
  /** Addresses of this machine on the bridge, for what all share. */
  readonly shared: readonly string[]
  readonly machines: readonly Machine[]
  /** Ends what still runs on the machines and removes all of it; done too when this process is killed. */
  readonly close: () => void
}

/** Why there can be no namespaces here; `undefined` where there can. */
export function whyNoNamespaces(): string | undefined {
  const name = `pt${randomBytes(3).toString('hex')}`
  try {
    ip('netns', 'add', name)
    ip('netns', 'exec', name, 'true')
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error)
  } finally {
    quietly('netns', 'del', name)
  }
}

/** `machines` of them, and `shared` addresses of this machine, all in a /24 that nobody uses here. */
export function openLan({ machines, shared }: { machines: number; shared: number }): Lan {
  const name = `pt${randomBytes(3).toString('hex')}`
  const net = freeNet()
  const places = Array.from({ length: shared }, (_, index) => `${net}.${index + 11}`)
  const names = Array.from({ length: machines }, (_, index) => `${name}-${index + 1}`)
  const removal = [
    `for each in ${names.join(' ')}`,
    'do kill -9 $(ip netns pids $each); ip netns del $each; ip link del $each; done',
    `ip link del ${name}`,
  ].join('; ')
  // Reads until we say so or are gone, however that came about.
  const guard = spawn('sh', ['-c', `read -r line; ${removal}`], {
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  const close = (): void => {
    execFileSync('sh', ['-c', `${removal}; true`], { env, stdio: 'ignore' })
    guard.stdin.end()
  }
  try {
    ip('link', 'add', name, 'type', 'bridge')
    // The first is where this process itself comes from: no cable of a shared one is its own.
    for (const each of [`${net}.1`, ...places]) ip('addr', 'add', `${each}/24`, 'dev', name)
    ip('link', 'set', name, 'up')
    return {
      shared: places,
      machines: names.map((each, index) => plugIn(each, name, `${net}.${index + 101}`)),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

function plugIn(name: string, bridge: string, address: string): Machine {
  ip('netns', 'add', name)
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  ip('link', 'set', name, 'master', bridge, 'up')
  ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
  ip('-n', name, 'link', 'set', 'lo', 'up')
  ip('-n', name, 'link', 'set', 'eth0', 'up')
  const neighbour = (what: string, to: string, ...more: string[]): void =>
    ip('-n', name, 'neigh', what, to, ...more, 'dev', 'eth0')
  return {
    address,
    run: ['/usr/bin/env', `PATH=${env.PATH}`, 'ip', 'netns', 'exec', name],
    // A card that nobody has: frames to it are dropped by all, and no error comes back.
    cut: (to) => neighbour('replace', to, 'lladdr', '02:00:00:00:00:01', 'nud', 'permanent'),
    mend: (to) => neighbour('del', to),
  }
}

/** Several runs may be at work on one machine: the first three numbers of a net of this run's own. */
function freeNet(): string {
  const taken = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  for (;;) {
    const [second = 0, third = 0] = randomBytes(2)
    const net = `10.${128 + (second % 128)}.${third}`
    if (!taken.some(({ address }) => address.startsWith(`${net}.`))) return net
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
}

function quietly(...args: string[]): void {
  try {
    ip(...args)
  } catch {
    // It is gone, or never was.
  }
}

/** Debian keeps it in /usr/sbin, which is not on every PATH. */
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
