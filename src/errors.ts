/**
 * What can go wrong, in two kinds. Everything that is not a `PermanentError` is transient: trying
 * again later may succeed, so the client is told 4xx and a job is retried. That way an error nobody
 * thought of loses no mail.
 */

/** Trying again cannot help: the client is told 5xx, a job goes to the dead letters at once. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError'
}

/** Whoever was asked says when to come again: a transient failure that knows its time. RFC 9110 §10.2.3 */
export class RetryAfterError extends Error {
  override readonly name: string = 'RetryAfterError'
  readonly retryAfterMs: number
  constructor(message: string, retryAfterMs: number) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * A mistake of the person at the keyboard or in a file they wrote. The message is one complete
 * sentence naming the thing and the remedy; it is printed without a stack.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError'
}

/** Whether a later attempt may succeed where this one threw `error`. */
export function isTransient(error: unknown): boolean {
  return !(error instanceof PermanentError)
}

/** The message of anything thrown, on one line, for a log record or a reason kept on disk. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const causes: string[] = []
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const text = messageOf(each)
    if (!causes.includes(text)) causes.push(text)
  }
  return causes.join(': ').replace(/\s+/g, ' ').trim()
}

/** Node gives no message to what failed at each address of a name (`AggregateError`): the reasons are in it. */
function messageOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message || error.name
  const reasons = [...new Set(error.errors.map(describeError))].join(', ')
  return [error.message, reasons].filter((each) => each !== '').join(': ') || error.name
}

/** What is wrong, a line each. */
export function problemsOf(error: unknown): string[] {
  return error instanceof UserError ? error.message.split('\n') : [describeError(error)]
}

/** The system's code (`ENOSPC`, `ECONNREFUSED`, …) of an error, if it carries one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Whether it is a name server's word that there is no such name, or no such record: an answer, and no failure. */
export function isNoRecord(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOTFOUND' || code === 'ENODATA'
}

/**
 * BSD's EX_CONFIG: the exit code for a mistake in a configuration or rule file, told in a sentence. A
 * supervisor that sees it does not start the process again.
 */
export const configExitCode = 78
