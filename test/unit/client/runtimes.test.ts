/** The library as other programs get it, on every runtime it is for: each sees what Node 24 sees from the sources. */
import { readFileSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatSecretKey } from '../../../src/seal/keys.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { newConsumer, root, run } from '../../support/consumer.ts'
import { type Job, type Outcome, outcomeOf } from '../../support/reader.ts'
import { DENO_FLAGS, type Runtime, runtimes } from '../../support/runtimes.ts'
import { idOf, judged, key, storeMessage } from './support.ts'

type Vector = {
  readonly name: string
  readonly expect: 'open' | 'refuse'
  readonly openWith: number
  readonly plaintextSha256?: string
  readonly sealed?: string
  readonly file?: string
}

const program = `import { outcomeOf } from './reader.ts'
import { readFileSync } from 'node:fs'
const jobs = JSON.parse(readFileSync('jobs.json', 'utf8'))
const outcomes = []
for (const job of jobs) outcomes.push(await outcomeOf(job))
console.log(JSON.stringify(outcomes))`

let consumer: string
let vectors: Vector[]
let jobs: Job[]
let expected: Outcome[]

beforeAll(async () => {
  consumer = await newConsumer()
  await cp(join(root, 'test/support/reader.ts'), join(consumer, 'reader.ts'))
  await writeFile(join(consumer, 'main.ts'), program)
  jobs = [...(await vectorJobs()), await directoryJob()]
  await writeFile(join(consumer, 'jobs.json'), JSON.stringify(jobs))
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

async function outcomesOn({ program = '', args }: Runtime): Promise<Outcome[]> {
  const env = { ...process.env, NO_COLOR: '1', DENO_DIR: join(consumer, '.deno') }
  const { stdout } = await run(program, [...args, 'main.ts'], { cwd: consumer, env })
  return JSON.parse(stdout)
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
  expect(page.replaceAll("'", '')).toContain(DENO_FLAGS.join(' '))
})

describe('the built library gives the same', () => {
  test('in the Node of these tests', async () => {
    const here = { name: 'Node', version: '', program: process.execPath, args: [] }
    expect(await outcomesOn(here)).toEqual(expected)
  })

  for (const each of runtimes) {
    const { name, version, program } = each
    const none = program === undefined ? ' (npm has none for this machine)' : ''
    test.skipIf(none !== '')(`in ${name} ${version}${none}`, async () => {
      expect(await outcomesOn(each)).toEqual(expected)
    })
  }
})
