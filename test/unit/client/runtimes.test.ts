/** The library as other programs get it, on every runtime it is for: each sees what Node 24 sees from the sources. */
import { readFileSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatSecretKey } from '../../../src/seal/keys.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { newConsumer, root } from '../../support/consumer.ts'
import { type Job, type Outcome, outcomeOf } from '../../support/reader.ts'
import { DENO_FLAGS, DENO_S3_FLAGS, outcomesOn, runtimes } from '../../support/runtimes.ts'
import { idOf, judged, key, storeMessage } from './support.ts'

type Vector = {
  readonly name: string
  readonly expect: 'open' | 'refuse'
  readonly openWith: number
  readonly plaintextSha256?: string
  readonly sealed?: string
  readonly file?: string
}

let consumer: string
let vectors: Vector[]
let jobs: Job[]
let expected: Outcome[]

beforeAll(async () => {
  consumer = await newConsumer()
  jobs = [...(await vectorJobs()), await directoryJob()]
  expected = []
  for (const job of jobs) expected.push(await outcomeOf(job))
})

afterAll(() => rm(consumer, { recursive: true }))

async function vectorJobs(): Promise<Job[]> {
  const file = join(root, 'test/vectors/envelope-v1.json')
  const given = JSON.parse(await readFile(file, 'utf8'))
  vectors = given.vectors
  return Promise.all(
    vectors.map(async ({ sealed, file = '', openWith }) => ({
      kind: 'object',
      body: sealed ?? (await readFile(join(root, 'test/vectors', file), 'base64')),
      secretKey: given.keys[openWith].secretKey,
    })),
  )
}

async function directoryJob(): Promise<Job> {
  const path = join(consumer, 'store')
  const store = dirStore(path)
  await storeMessage(store, 'Subject: one\r\n\r\nshort\r\n', { id: idOf(1), verdicts: judged })
  const long = `Subject: two\r\n\r\n${'All work and no play.\r\n'.repeat(20_000)}`
  await storeMessage(store, long, { id: idOf(2), prefix: 'sales/' })
  const keyFile = join(consumer, 'main.key')
  await writeFile(keyFile, formatSecretKey(key.secretKey), { mode: 0o600 })
  return { kind: 'directory', path, keyFile }
}

test('the jobs are what they should be: every vector opens or is refused as it says, both messages are read', () => {
  for (const [index, vector] of vectors.entries()) {
    const outcome = expected[index]
    if (vector.expect === 'refuse') expect(outcome, vector.name).not.toHaveProperty('seen')
    else expect(outcome, vector.name).toMatchObject({ seen: [{ sha256: vector.plaintextSha256 }] })
  }
  const subjects = [{ subject: 'one' }, { subject: 'two' }]
  expect(expected.at(-1)).toMatchObject({ seen: subjects })
})

test('docs/sdk.md names the versions, and what Deno has to be allowed', () => {
  const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8')
  for (const { name, version } of runtimes) expect(page).toContain(`${name} ${version}`)
  for (const flags of [DENO_FLAGS, DENO_S3_FLAGS])
    expect(page.replaceAll("'", '')).toContain(flags.join(' '))
})

describe('the built library gives the same', () => {
  test('in the Node of these tests', async () => {
    const here = { program: process.execPath, args: [] }
    expect(await outcomesOn(here, consumer, jobs)).toEqual(expected)
  })

  for (const each of runtimes) {
    const { name, version, program } = each
    const none = program === undefined ? ' (npm has none for this machine)' : ''
    test.skipIf(none !== '')(`in ${name} ${version}${none}`, async () => {
      expect(await outcomesOn(each, consumer, jobs)).toEqual(expected)
    })
  }
})
