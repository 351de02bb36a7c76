import type { Semaphore } from '../wire/semaphore.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import type { Due } from './ledger.ts'

/** When a file that was given up is looked for again, besides at once, in milliseconds after that. */
const LOOKS_MS = [2_000, 10_000, 60_000]
/** Files of one source that are looked for, and of all that wait for a further look; the next comparison finds others. */
const MOST = 1_000
/** Calls of one source at a time: its disk may hang, and each call holds a thread of the pool until it answers. */
const CALLS = 4

export interface LookBackOptions {
  /** Whether it is there as it was offered. */
  isStill(file: string, due: Due): Promise<boolean>
  /** It is back. */
  found(file: string, due: Due): void
}

/**
 * Looks for files that were given up as they had vanished. What brings them back may be nothing that a watcher hears
 * of: a symbolic link that led elsewhere, something that was mounted above them, a moment between two looks of a
 * watcher that polls. Or it was heard of before they were given up, of a file that the ledger knew as it is.
 */
export interface LookBack {
  /** @param file its absolute path. */
  givenUp(file: string, due: Due): void
  stop(): void
}

export function createLookBack({ isStill, found }: LookBackOptions): LookBack {
  const waiting = new Map<Due, NodeJS.Timeout>()
  const sources = new Map<string, { calls: Semaphore; files: number }>()
  let isOver = false

  const lookNow = async (file: string, due: Due, calls: Semaphore): Promise<boolean> => {
    await calls.acquire()
    try {
      return !isOver && (await isStill(file, due))
    } finally {
      calls.release()
    }
  }

  /** @param next the number of the look after this one. */
  const look = async (file: string, due: Due, next: number): Promise<void> => {
    waiting.delete(due)
    const source = sources.get(due.source) ?? { calls: createSemaphore(CALLS), files: 0 }
    sources.set(due.source, source)
    if (source.files >= MOST) return
    source.files += 1
    const isBack = await lookNow(file, due, source.calls)
    source.files -= 1
    if (isOver) return
    if (isBack) found(file, due)
    else plan(file, due, next)
  }

  const plan = (file: string, due: Due, count: number): void => {
    const at = LOOKS_MS[count]
    if (at === undefined || waiting.size >= MOST) return
    const timer = setTimeout(() => void look(file, due, count + 1), at - (LOOKS_MS[count - 1] ?? 0))
    timer.unref()
    waiting.set(due, timer)
  }

  return {
    givenUp: (file, due) => void look(file, due, 0),
    stop() {
      isOver = true
      for (const timer of waiting.values()) clearTimeout(timer)
      waiting.clear()
    },
  }
}
