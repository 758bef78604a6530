/**
 * Ends a process of Postern in order: on SIGTERM, SIGINT, SIGHUP, on its parent's word, and when its
 * parent is gone. Nothing that was promised depends on it: kill -9 loses no mail either.
 */
import { log } from '../log.ts'

/** What a parent sends its children to stop them. */
export const stopMessage = { postern: 'stop' } as const

/**
 * What of `stopSeconds` each part of a stop has, counted from its beginning: sessions get their answers, the
 * SMTP processes are gone, the workers end, are gone, all is gone.
 */
export function stopTimes({ stopSeconds }: { readonly stopSeconds: number }) {
  const part = (percent: number): number => stopSeconds * 10 * percent
  return {
    sessionsMs: part(60),
    smtpGoneMs: part(65),
    workersMs: part(25),
    workersGoneMs: part(95),
    allGoneMs: part(100),
  } as const
}

/** For the last 421s to leave, and for what was cut off to be undone. */
export const cutMs = 500

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** Runs `finish` once, then exits with 0. A second signal exits at once. */
export function onStop(finish: () => Promise<void>): void {
  let stopping = false
  const stop = (why: string): void => {
    if (stopping) {
      if (why !== 'message' && why !== 'parent gone') process.exit(1)
      return
    }
    stopping = true
    // A parent that stops its children has said so itself.
    log[why === 'message' ? 'debug' : 'info']({ why }, 'Stopping')
    finish().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'Stopping failed')
        process.exit(1)
      },
    )
  }
  for (const signal of signals) process.on(signal, () => stop(signal))
  process.on('message', (message: unknown) => {
    if (isStop(message)) stop('message')
  })
  // Only a process that was forked has a channel to lose.
  process.on('disconnect', () => stop('parent gone'))
  // While this one was being loaded.
  if (process.connected === false) stop('parent gone')
}

function isStop(message: unknown): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'postern' in message &&
    message.postern === 'stop'
  )
}

/** Resolves when `work` does, or after `milliseconds`, whichever comes first. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([work, deadline])
  clearTimeout(timer)
}
