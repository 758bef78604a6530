/** Prints the closing line of the test run: `N passed, N failed`. A static check that failed counts as one. */
import { readFileSync } from 'node:fs'

const [results = '', status = '0'] = process.argv.slice(2)

type Results = { readonly numPassedTests: number; readonly numFailedTests: number }

function read(): Results {
  try {
    return JSON.parse(readFileSync(results, 'utf8')) as Results
  } catch {
    // vitest could not even begin.
    return { numPassedTests: 0, numFailedTests: 1 }
  }
}

const { numPassedTests, numFailedTests } = read()
const failed = numFailedTests === 0 && status !== '0' ? 1 : numFailedTests
process.stdout.write(`\n${numPassedTests} passed, ${failed} failed\n`)
if (failed > 0 || numPassedTests === 0) process.exit(1)
