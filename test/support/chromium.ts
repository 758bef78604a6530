/** A real browser without a screen, which visits one page. It knows no other machine than this one. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const flags = [
  '--headless',
  '--no-sandbox', // which Chromium wants when root runs it
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

export type Visit = {
  /** Its last words when it has ended by itself. */
  readonly ended: () => string | undefined
  readonly close: () => Promise<void>
}

/** Opens `url` in a fresh profile. */
export async function visit(url: string): Promise<Visit> {
  const home = await mkdtemp(join(tmpdir(), 'postern-chromium-'))
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home }
  const args = [...flags, `--user-data-dir=${join(home, 'profile')}`, url]
  // A process group of its own, for it starts others.
  const browser = spawn('chromium', args, {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const gone = new Promise<void>((resolve) => {
    browser.once('exit', () => resolve())
    browser.once('error', () => resolve())
  })
  let words = ''
  let over = false
  browser.stderr.on('data', (piece: Buffer) => {
    words = `${words}${piece}`.slice(-1000)
  })
  void gone.then(() => {
    over = true
  })
  const kill = (): void => {
    if (!over && browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL')
  }
  process.once('exit', kill)
  return {
    ended: () => (over ? `chromium ended: ${words}` : undefined),
    async close() {
      kill()
      await gone
      process.removeListener('exit', kill)
      await rm(home, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}
