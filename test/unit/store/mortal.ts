/**
 * Stands for a process that dies: from its last step on the file system on, nothing is done. The code that
 * runs on learns so by an error, and can do nothing about it.
 */
type Files = typeof import('node:fs')
type Step = (...args: unknown[]) => unknown

let stepsLeft = Number.POSITIVE_INFINITY

function step(): void {
  if (stepsLeft-- <= 0) throw new Error('the process is dead')
}

/** What takes the place of node:fs; reading is no step. */
export function mortalFs(fs: Files): Files {
  const mortal = (name: keyof Files): [string, Step] => [
    name,
    (...args) => {
      step()
      return (fs[name] as Step)(...args)
    },
  ]
  const answering = (name: keyof Files): [string, Step] => [
    name,
    (...args) => {
      try {
        step()
      } catch (error) {
        return (args.at(-1) as Step)(error)
      }
      return (fs[name] as Step)(...args)
    },
  ]
  const steps = [
    ...(['openSync', 'writeFileSync', 'linkSync', 'mkdirSync'] as const).map(mortal),
    ...(['unlinkSync', 'rmSync', 'renameSync'] as const).map(mortal),
    ...(['fsync', 'writeFile'] as const).map(answering),
  ]
  return { ...fs, ...Object.fromEntries(steps) }
}

/** Runs `act` in a process that dies before step `steps`; false when it lived to the end. */
export async function dies(steps: number, act: () => Promise<unknown>): Promise<boolean> {
  stepsLeft = steps
  try {
    await act()
    return stepsLeft < 0
  } catch (error) {
    if (stepsLeft >= 0) throw error
    return true
  } finally {
    stepsLeft = Number.POSITIVE_INFINITY
  }
}
