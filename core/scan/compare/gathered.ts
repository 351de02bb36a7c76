import type { FileFacts } from '../tree/facts.ts'

/** In a burst files go into the ledger together this often: each transaction writes the same pages again. */
const TOGETHER_MS = 25
/** As many as one transaction takes. */
const MOST = 128

/** Finished files on their way to the ledger: the first ones at once, those that follow closely together. */
export function gatherFor(offer: (files: readonly FileFacts[]) => void) {
  let gathered: FileFacts[] = []
  let timer: NodeJS.Timeout | undefined
  let offeredAt = Number.NEGATIVE_INFINITY

  /** Whoever says that all is in the ledger asks for it first. */
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (gathered.length === 0) return
    const files = gathered
    gathered = []
    offer(files)
    offeredAt = performance.now()
  }
  return {
    add(files: readonly FileFacts[]) {
      gathered.push(...files)
      const since = performance.now() - offeredAt
      if (since >= TOGETHER_MS || gathered.length >= MOST) flush()
      else timer ??= setTimeout(flush, TOGETHER_MS - since)
    },
    flush,
  }
}
