/**
 * The short form of `npm run torture -- fuzz`: some hundred hostile inputs for every parser, the same in
 * every run, beginning with those that are kept in test/fixtures/fuzz. The long one takes minutes.
 */
import { expect, test } from 'vitest'
import { fuzzTarget } from '../../torture/fuzz/engine.ts'
import { mutate } from '../../torture/fuzz/mutate.ts'
import { targetNamed, targetNames } from '../../torture/fuzz/targets.ts'
import { seeded } from '../support/seeded.ts'

test.for(targetNames)('%s holds its promises whatever it is fed with', async (name) => {
  const target = await targetNamed(name)
  const { failures, cases } = await fuzzTarget(target, {
    cases: 200,
    until: Number.POSITIVE_INFINITY,
    random: seeded(1),
  })
  expect(failures).toEqual([])
  expect(cases).toBeGreaterThanOrEqual(200)
})

test('a promise that is broken is found, once, with the input that broke it', async () => {
  const target = {
    name: 'none',
    seeds: [Buffer.from('abc')],
    tokens: ['needle'],
    run(input: Uint8Array) {
      if (Buffer.from(input).includes('needle')) throw new Error('found it')
    },
  }
  const { failures } = await fuzzTarget(target, {
    cases: 2000,
    until: Number.POSITIVE_INFINITY,
    random: seeded(1),
  })
  expect(failures).toHaveLength(1)
  expect(Buffer.from(failures[0]?.input ?? []).toString('latin1')).toContain('needle')
})

test('the same seed makes the same inputs', () => {
  const made = (seed: number): string[] => {
    const random = seeded(seed)
    return Array.from({ length: 100 }, () =>
      mutate(Buffer.from('a: b\n'), [], ['x'], random, 100).toString('hex'),
    )
  }
  expect(made(7)).toEqual(made(7))
  expect(made(7)).not.toEqual(made(8))
  expect(Math.max(...made(7).map((hex) => hex.length))).toBeLessThanOrEqual(200)
})
