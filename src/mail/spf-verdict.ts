/** From a result of SPF to its verdict. Pure. SES: reference §5.2 */
import type { SpfResult, Verdict } from './verdict.ts'

export const spfVerdicts: Readonly<Record<SpfResult, Verdict>> = {
  pass: 'PASS',
  fail: 'FAIL',
  softfail: 'GRAY',
  neutral: 'GRAY',
  none: 'GRAY',
  temperror: 'PROCESSING_FAILED',
  permerror: 'PROCESSING_FAILED',
}
