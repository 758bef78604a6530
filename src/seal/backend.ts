/** Picks the NaCl implementation once: sodium-native where it loads, else tweetnacl. Never throws. */
import { type NaclBackend, tweetnaclBackend } from './nacl.ts'
import { loadSodium } from './sodium.ts'

/** A backend, and in one phrase why it was picked (for `postern doctor` and the log). */
export type BackendChoice = { readonly backend: NaclBackend; readonly reason: string }

let chosen: BackendChoice | undefined

/** The fastest backend of this machine and the reason for it; the same one at every call. */
export function chooseBackend(): BackendChoice {
  if (chosen === undefined) {
    const { backend = tweetnaclBackend, reason } = loadSodium()
    chosen = { backend, reason }
  }
  return chosen
}

/** The fastest backend of this machine. */
export function fastestBackend(): NaclBackend {
  return chooseBackend().backend
}
