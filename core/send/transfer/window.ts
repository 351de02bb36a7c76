import type { Source } from '../../settings/schema.ts'

export type Priority = Source['priority']

/** Bytes of all sources' small files that are being read, or are read and not yet handed to the destination. */
const MEMORY_BYTES = 32 * 1024 * 1024
/**
 * How the line is shared between sources that all have something to send: none is ever left without. So many large files
 * of one source are sent at a time, as the line takes chunks as they come; small ones pass between them.
 */
const WEIGHTS: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

export type Windows = ReturnType<typeof createWindows>
/** What one source may have under way. */
export type Window = ReturnType<typeof openWindow>

interface Share {
  window: Window | null
  priority: Priority
  held: number
  waiting: { bytes: number; go: () => void }[]
}

function openWindow(share: Share, serve: () => void) {
  let large = 0
  return {
    /** Waits for room for small files. */
    acquire: (bytes: number) =>
      new Promise<void>((go) => {
        share.waiting.push({ bytes, go })
        serve()
      }),
    release(bytes: number): void {
      share.held -= bytes
      serve()
    },
    get hasRoomForLarge() {
      return large < WEIGHTS[share.priority]
    },
    beginLarge() {
      large += 1
    },
    endLarge() {
      large -= 1
    },
  }
}

/**
 * Each source has a window of its own, so that a disk that hangs holds nothing that others need. The line takes what is
 * in memory in the order in which it came, so a source's part of the memory is its part of the line: all that have
 * something to send share it by weight. It is the same for as long as this runs: a call that hangs goes on counting.
 */
export function createWindows() {
  const shares = new Map<string, Share>()

  const limitOf = ({ priority }: Share): number => {
    let sum = 0
    for (const one of shares.values())
      if (one.held > 0 || one.waiting.length > 0) sum += WEIGHTS[one.priority]
    return (MEMORY_BYTES * WEIGHTS[priority]) / sum
  }

  const serve = () => {
    for (const share of shares.values()) {
      for (let first = share.waiting[0]; first !== undefined; first = share.waiting[0]) {
        // Something always may go, however little the part is.
        if (share.held > 0 && share.held + first.bytes > limitOf(share)) break
        share.waiting.shift()
        share.held += first.bytes
        first.go()
      }
    }
  }

  return {
    of(source: string, priority: Priority = 'normal'): Window {
      const share: Share = shares.get(source) ?? { window: null, priority, held: 0, waiting: [] }
      share.priority = priority
      shares.set(source, share)
      share.window ??= openWindow(share, serve)
      return share.window
    },
  }
}
