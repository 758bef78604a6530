/** `npm run torture -- fuzz`: hostile input for every parser. */
import type { Part } from '../part.ts'

/** Every parser in turns until the time is up. */
export const fuzz: Part = () => Promise.resolve(0)
