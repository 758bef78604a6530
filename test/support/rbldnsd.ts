/** A real DNS list for tests: an rbldnsd of its own on a free loopback port, whose zones can be changed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Lines of rbldnsd's ip4trie: `127.0.0.5 :127.0.0.4:text`; `:127.0.0.2:text` is for those below it. */
export type Entries = readonly string[]

export type RunningRbldnsd = {
  /** For `dns.servers`. */
  readonly server: string
  /** Replaces a zone; resolves when it is answered from. */
  readonly set: (zone: string, entries: Entries) => Promise<void>
  /** Takes questions and answers none. */
  readonly pause: () => void
  readonly resume: () => void
}

const started = new Set<{ readonly child: ChildProcess; readonly directory: string }>()

/** Resolves when it answers. */
export async function startRbldnsd(
  zones: Readonly<Record<string, Entries>>,
): Promise<RunningRbldnsd> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-rbldnsd-'))
  // Started by root it becomes another user.
  chmodSync(directory, 0o755)
  let version = 0
  const write = (zone: string, entries: Entries): void => {
    const file = join(directory, zone)
    writeFileSync(file, `${entries.join('\n')}\n`, { mode: 0o644 })
    // It reads a file again whose time in seconds has changed.
    version += 1
    utimesSync(file, 1_700_000_000 + version, 1_700_000_000 + version)
  }
  for (const [zone, entries] of Object.entries(zones)) write(zone, entries)
  const port = await freeUdpPort()
  const child = spawn(
    'rbldnsd',
    [
      ...['-n', '-4', '-w', directory, '-b', `127.0.0.1/${port}`, '-t', '1', '-c', '0'],
      ...Object.keys(zones).map((zone) => `${zone}:ip4trie:${zone}`),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  started.add({ child, directory })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    child.emit('said')
  })
  child.once('exit', () => child.emit('said'))
  const saying = async (words: string): Promise<void> => {
    while (!said.includes(words)) {
      if (child.exitCode !== null) throw new Error(`rbldnsd ended: ${said}`)
      await once(child, 'said')
    }
  }
  await saying(' started ')
  return {
    server: `127.0.0.1:${port}`,
    async set(zone, entries) {
      write(zone, entries)
      said = ''
      child.kill('SIGHUP')
      await saying('zones reloaded')
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  }
}

/** For afterAll. */
export function stopRbldnsd(): void {
  for (const { child, directory } of started) {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  started.clear()
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}
