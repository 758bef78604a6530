/** Haraka's queue on disk: what an earlier run left is found, whichever worker it was of. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasWaiting, syncQueue, takeOver } from '../../../src/haraka/outbound-queue.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-outbound-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const at = (worker: number): string => join(directory, String(worker), 'queue')

function fill(worker: number, ...names: string[]): void {
  mkdirSync(at(worker), { recursive: true })
  for (const name of names) writeFileSync(join(at(worker), name), `message ${name}`)
}

test('a queue that was never made and one that is empty have nothing waiting', () => {
  expect(hasWaiting(at(0))).toBe(false)
  fill(0)
  expect(hasWaiting(at(0))).toBe(false)
  fill(0, 'one')
  expect(hasWaiting(at(0))).toBe(true)
})

test('the queues of workers that are no more are taken over whole, and only once', () => {
  fill(0, 'one')
  fill(1, 'two', 'three')
  fill(2, 'not-theirs')
  const others = [at(1), at(7)]
  takeOver(at(0), others)
  takeOver(at(0), others)
  expect(readdirSync(at(0)).sort()).toEqual(['one', 'three', 'two'])
  expect(readFileSync(join(at(0), 'two'), 'utf8')).toBe('message two')
  expect(readdirSync(at(1))).toEqual([])
  expect(readdirSync(at(2))).toEqual(['not-theirs'])
})

test('without anything to take over no queue is made', () => {
  fill(1)
  takeOver(at(0), [at(1)])
  expect(readdirSync(directory)).toEqual(['1'])
})

test('a queue that can not be fsynced is an error: the message is not kept for sure', async () => {
  fill(0)
  await expect(syncQueue(at(0))).resolves.toBeUndefined()
  await expect(syncQueue(at(1))).rejects.toThrow('ENOENT')
})
