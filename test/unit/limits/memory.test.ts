/** The memory of all sessions: never more than there is, and all of it back in the end. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryBudget } from '../../../src/limits/memory.ts'

test('who would hold too much is told so and holds what it held', () => {
  const budget = memoryBudget(100)
  const a = budget.open()
  const b = budget.open()
  expect(a.set(60)).toBe(true)
  expect(b.set(41)).toBe(false)
  expect(budget.held()).toBe(60)
  expect(b.set(40)).toBe(true)
  expect(a.set(61)).toBe(false)
  expect(a.set(10)).toBe(true)
  expect(b.set(90)).toBe(true)
  expect(budget.isTight()).toBe(true)
  a.close()
  b.close()
  expect(budget.held()).toBe(0)
  expect(budget.isTight()).toBe(false)
})

test('whatever holders do, the sum is theirs, within the limit, and 0 when all have closed', () => {
  const step = fc.record({ who: fc.nat(4), octets: fc.nat(60), close: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const budget = memoryBudget(100)
      const accounts = Array.from({ length: 5 }, () => budget.open())
      for (const { who, octets, close } of steps) {
        if (close) accounts[who]?.close()
        else accounts[who]?.set(octets)
        expect(budget.held()).toBe(accounts.reduce((sum, each) => sum + each.held(), 0))
        expect(budget.held()).toBeLessThanOrEqual(100)
      }
      for (const each of accounts) each.close()
      expect(budget.held()).toBe(0)
    }),
  )
})
