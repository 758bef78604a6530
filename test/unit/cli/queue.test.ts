/** `postern queue`: commands that only look leave nothing behind. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeError } from '../../../src/errors.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { Spool } from '../../../src/spool/spool.ts'
import { bootAgain, keep } from '../spool/support.ts'
import { newHome } from './support.ts'

const commands = [
  // arguments, what is said, why
  [['queue', 'list'], 'holds no spool', 'no mail waits is what a mistyped dataDir must not say'],
  [['queue', 'dead'], 'holds no spool', 'the same'],
  [
    ['explain', newMessageId(0)],
    'neither in the spool nor among the dead letters',
    'the id is asked for, the directory is not',
  ],
] as const

test.for(commands)('%j where Postern has not run makes no directory: %s', async ([args, said]) => {
  const home = newHome('domains: [example.test]\n')
  const { error } = await home.run(...args)
  expect(describeError(error)).toContain(said)
  expect(readdirSync(home.path)).toEqual(['postern.yaml'])
})

test('queue recover brings back what only the journal on the disk of a dead machine holds', async () => {
  const home = newHome('domains: [example.test]\n')
  const dataDir = join(home.path, 'from-there')
  const spool = new Spool(dataDir)
  spool.openJournal(() => {})
  const id = await keep(spool, Buffer.from('Subject: 1\r\n\r\n'))
  const place = (name: string): string => join(dataDir, 'spool', name)
  rmSync(join(place('queue'), id))
  bootAgain(dataDir)

  const first = await home.run('queue', 'recover', dataDir)
  expect(first.out.toString()).toBe('1 brought back from the journal.\n')
  expect(readdirSync(place('queue'))).toEqual([id])
  expect(existsSync(join(dataDir, 'serve.pid'))).toBe(false)
  const second = await home.run('queue', 'recover', dataDir)
  expect(second.out.toString()).toBe('Nothing is missing: all accepted mail is in the queue.\n')

  const { error } = await home.run('queue', 'recover', join(home.path, 'nowhere'))
  expect(describeError(error)).toContain('holds no spool')
})
