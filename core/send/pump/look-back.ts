import type { Due } from '../../ledger/ledger.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { SourceFile } from '../reading/read.ts'

/** Files of one source that are looked for, and of all that wait for a further look; the next comparison finds others. */
const MOST = 1_000
/** Calls of one source at a time: its disk may hang, and each call holds a thread of the pool until it answers. */
const CALLS = 4

export interface LookBackOptions {
  /** When a file is looked at again, besides at once, in milliseconds after it was given up. */
  looksMs: readonly number[]
  /** The pause between further looks, for as long as this runs; without, there are none. */
  thenEveryMs?: number
  /** Whether it could be sent now as it was offered. */
  isBack(file: SourceFile, due: Due): Promise<boolean>
  found(file: SourceFile, due: Due): void
}

/** Looks again, a few times, at files that were given up, and that nothing may tell of when they are back. */
export interface LookBack {
  givenUp(file: SourceFile, due: Due): void
  stop(): void
}

export function createLookBack({ looksMs, thenEveryMs, isBack, found }: LookBackOptions): LookBack {
  const waiting = new Map<Due, NodeJS.Timeout>()
  const sources = new Map<string, { calls: Semaphore; files: number }>()
  let isOver = false

  const lookNow = async (file: SourceFile, due: Due, calls: Semaphore): Promise<boolean> => {
    await calls.acquire()
    try {
      return !isOver && (await isBack(file, due))
    } finally {
      calls.release()
    }
  }

  /** @param next the number of the look after this one. */
  const look = async (file: SourceFile, due: Due, next: number): Promise<void> => {
    waiting.delete(due)
    const source = sources.get(due.source) ?? { calls: createSemaphore(CALLS), files: 0 }
    sources.set(due.source, source)
    if (source.files >= MOST) return
    source.files += 1
    const canBeSent = await lookNow(file, due, source.calls)
    source.files -= 1
    if (isOver) return
    if (canBeSent) found(file, due)
    else plan(file, due, next)
  }

  const plan = (file: SourceFile, due: Due, count: number): void => {
    const at = looksMs[count]
    const pauseMs = at === undefined ? thenEveryMs : at - (looksMs[count - 1] ?? 0)
    if (pauseMs === undefined || waiting.size >= MOST) return
    const timer = setTimeout(() => void look(file, due, count + 1), pauseMs)
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
