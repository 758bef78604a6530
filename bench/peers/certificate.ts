/** One self-signed certificate for all servers: what a handshake costs depends on its key. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export type Certificate = {
  readonly key: string
  readonly cert: string
  readonly files: { readonly key: string; readonly cert: string }
}

/** RSA of 2048 bits, as most have. */
export async function newCertificate(directory: string): Promise<Certificate> {
  const name = [{ name: 'commonName', value: 'mx.example.test' }]
  const { private: key, cert } = await generate(name, { keySize: 2048 })
  const files = { key: join(directory, 'tls.key'), cert: join(directory, 'tls.crt') }
  writeFileSync(files.key, key, { mode: 0o600 })
  writeFileSync(files.cert, cert)
  return { key, cert, files }
}
