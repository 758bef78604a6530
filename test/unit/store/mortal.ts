/** Stands for a process that dies: from its last step on the file system on, nothing is done and nothing returns. */
type Promises = typeof import('node:fs/promises')

let stepsLeft = Number.POSITIVE_INFINITY
let died = () => {}
const open = new Set<{ close: () => Promise<void> }>()

function step<T>(act: () => Promise<T>): Promise<T> {
  if (stepsLeft-- > 0) return act()
  died()
  return new Promise(() => {})
}

/** What takes the place of node:fs/promises; reading is no step, opening a file is. */
export function mortalFs(fs: Promises): Promises {
  const mortalOpen: Promises['open'] = (...args) =>
    step(async () => {
      const file = await fs.open(...args)
      open.add(file)
      const { sync, writeFile } = file
      file.sync = () => step(() => sync.call(file))
      file.writeFile = (...all) => step(() => writeFile.apply(file, all))
      return file
    })
  return {
    ...fs,
    open: mortalOpen,
    link: (...args) => step(() => fs.link(...args)),
    mkdir: (...args: Parameters<Promises['mkdir']>) => step(() => fs.mkdir(...args)),
    unlink: (...args) => step(() => fs.unlink(...args)),
    rm: (...args) => step(() => fs.rm(...args)),
    rename: (...args) => step(() => fs.rename(...args)),
  } as Promises
}

/** Runs `act` in a process that dies before step `steps`; false when it lived to the end. */
export async function dies(steps: number, act: () => Promise<unknown>): Promise<boolean> {
  const death = new Promise<boolean>((resolve) => {
    died = () => resolve(true)
  })
  stepsLeft = steps
  const outcome = await Promise.race([act().then(() => false), death])
  stepsLeft = Number.POSITIVE_INFINITY
  return outcome
}

/** What the system does with the files of the dead. */
export async function closeAll(): Promise<void> {
  for (const file of open) await file.close()
  open.clear()
}
