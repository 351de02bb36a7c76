import type { Source } from '../../settings/schema.ts'

export type Priority = Source['priority']

/** Limit on the bytes of small files of all sources that are being read or not yet handed to the destination. */
const MEMORY_BYTES = 32 * 1024 * 1024
/**
 * Each source's share of the line: all sources with files get one. Also the number of large files of a source that are
 * sent at a time: the line takes chunks in order of arrival, and small files pass between them.
 */
const WEIGHTS: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

export type Windows = ReturnType<typeof createWindows>
/** The limit on one source's files under way. */
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
 * Gives each source its own window, so that a disk that hangs holds no memory that others need. The line takes
 * contents in order of arrival, so a source's part of the memory equals its part of the line: sources with files to
 * send share it by weight. A window lives as long as the process: a call that hangs still counts after a
 * reconfiguration.
 */
export function createWindows() {
  const shares = new Map<string, Share>()

  const getLimit = ({ priority }: Share): number => {
    let sum = 0
    for (const one of shares.values())
      if (one.held > 0 || one.waiting.length > 0) sum += WEIGHTS[one.priority]
    return (MEMORY_BYTES * WEIGHTS[priority]) / sum
  }

  const serve = () => {
    for (const share of shares.values()) {
      for (let first = share.waiting[0]; first !== undefined; first = share.waiting[0]) {
        // A source without reserved memory may always take one group, however small its share.
        if (share.held > 0 && share.held + first.bytes > getLimit(share)) break
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
