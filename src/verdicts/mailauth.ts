/** mailauth without BIMI, which we never ask for: an HTTP client, X.509 and XML, a third of what it loads. */
import { createRequire } from 'node:module'
import { spare } from '../spared.ts'

const require = createRequire(import.meta.url)
// 0.18 s of CPU at each start of an SMTP process, and 15 MB of its memory.
for (const part of ['index', 'validate-svg']) spare(require, `mailauth/lib/bimi/${part}`)

const library = require('mailauth') as typeof import('mailauth')
export const { authenticate, spf } = library
