/** A node's queue is its own, whatever the node was named. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { queueOwner } from '../../../src/roles/queue-owner.ts'
import { scratch } from '../spool/support.ts'

test('two nodes of one name have a queue each, and each keeps its own', () => {
  const named = (node: string) => ({ node, dataDir: scratch() })
  const [one, other] = [named('mx'), named('mx')]
  const owner = queueOwner(one)
  expect(owner).toMatch(/^mx-[0-9a-f]{12}$/)
  expect(queueOwner(other)).not.toBe(owner)
  expect(queueOwner(one)).toBe(owner)
  expect(queueOwner({ ...one, node: 'mx2' })).toBe(owner.replace('mx-', 'mx2-'))
  expect(readdirSync(one.dataDir)).toContain('node-id')
})

test.for([
  {
    why: 'a dataDir that is not there yet',
    spoil: (dir: string) => rmSync(dir, { recursive: true }),
  },
  { why: 'a file cut short', spoil: (dir: string) => writeFileSync(join(dir, 'node-id'), '') },
  {
    why: 'a file of something else',
    spoil: (dir: string) => writeFileSync(join(dir, 'node-id'), 'x:y\n'),
  },
])('$why gets a new id, which stays', ({ spoil }) => {
  const dataDir = scratch()
  spoil(dataDir)
  const owner = queueOwner({ node: 'mx', dataDir })
  expect(owner).toMatch(/^mx-[0-9a-f]{12}$/)
  expect(queueOwner({ node: 'mx', dataDir })).toBe(owner)
  expect(`mx-${readFileSync(join(dataDir, 'node-id'), 'utf8')}`).toBe(`${owner}\n`)
  expect(readdirSync(dataDir).filter((name) => name.startsWith('node-id'))).toEqual(['node-id'])
})
