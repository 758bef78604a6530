/**
 * Gives the event loop its turns while much is sealed or opened from memory: without them 40 MB would
 * keep every other session waiting for as long as the cipher takes.
 */

/** What may run at a stretch; the piece under way comes on top. */
const STRETCH_MS = 4

/** To be asked after each piece; a promise's turn alone lets nobody else in. */
export function turns(): { readonly isDue: () => boolean; readonly next: () => Promise<void> } {
  let since = performance.now()
  return {
    isDue: () => performance.now() - since > STRETCH_MS,
    async next() {
      await nextTurn()
      since = performance.now()
    },
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    // Browsers have no setImmediate.
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve)
  })
}
