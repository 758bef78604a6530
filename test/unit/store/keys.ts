/** Keys for property tests. */
import fc from 'fast-check'
import { isKey } from '../../../src/store/key.ts'

const nasty = fc.constantFrom(
  '/',
  '.',
  '..',
  '%',
  '%2E',
  '%tmp',
  '%empty',
  '.metadata.json',
  'ü',
  '\0',
)
const long = fc.integer({ min: 230, max: 250 }).map((length) => 'x'.repeat(length))
const any = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
/** Anything S3 takes, often of what a file system would take amiss. */
export const keys = fc
  .array(fc.oneof(nasty, nasty, long, any), { minLength: 1, maxLength: 8 })
  .map((pieces) => pieces.join(''))
  .filter(isKey)
