/** Runs anew for each file of unit tests. */
import { afterAll } from 'vitest'
import { removeTemporary } from './temporary.ts'

afterAll(removeTemporary)
