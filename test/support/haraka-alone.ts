/**
 * Haraka with the plugins of test/fixtures/plugins and nothing else of Postern, in a process of its own:
 * `node haraka-alone.ts HOME`. Prints `listening HOST:PORT`. Its timers run fifty times as fast, so that
 * a hook's 50 seconds are one.
 */
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { writeHome } from '../../src/haraka/home.ts'
import { listening, startHaraka } from '../../src/haraka/server.ts'

const real = setTimeout
Reflect.set(globalThis, 'setTimeout', (act: () => void, ms = 0, ...rest: unknown[]) =>
  real(act, ms / 50, ...(rest as [])),
)

const home = process.argv[2] ?? ''
const { private: key, cert } = await generate([{ name: 'commonName', value: 'mx.example.test' }])
writeHome(home, {
  hostname: 'mx.example.test',
  listen: ['127.0.0.1:0'],
  processes: 0,
  inactivitySeconds: 300,
  plugins: ['accept', 'misbehave'],
  pluginDirectory: join(import.meta.dirname, '../fixtures/plugins'),
  extension: '.ts',
  tls: { key, cert },
})
startHaraka(home, () => console.log(`listening ${listening()[0]}`))
