/**
 * A project of somebody else that has `postern` in its node_modules. What the library needs is linked
 * there, package by package: through a link to a whole scope, npm would remove what is ours.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

export const root = join(import.meta.dirname, '../..')
export const run = promisify(execFile)

const needed = ['tweetnacl', 'sodium-native', '@aws-sdk/client-s3', '@aws-sdk/client-kms']

/** Its directory, in the temporary one; `install` puts the package where it is told. */
export async function newConsumer(install = build): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'postern-consumer-'))
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  for (const name of needed) {
    const link = join(project, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', name), link)
  }
  await install(join(project, 'node_modules/postern'))
  return project
}

/** As scripts/prepare.sh builds it, but not into our own dist/, which another test may be reading. */
async function build(at: string): Promise<void> {
  const tsc = join(root, 'node_modules/.bin/tsc')
  await run(tsc, ['-p', join(root, 'tsconfig.client.json'), '--outDir', join(at, 'dist')])
  await cp(join(root, 'package.json'), join(at, 'package.json'))
}
