/** `postern queue`: commands that only look leave nothing behind. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeError } from '../../../src/errors.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
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
