import type { Clock } from './clock.ts'

/** Checks that may be out at once: each that hangs holds a thread of libuv's pool, which has some more (1,024). */
const MOST_OUT = 900
/** Where none has been begun or come back for this long, in milliseconds, all hang: a disk may have to spin up. */
const STUCK_MS = 5_000

/** Bounds the checks of one process that are out. */
export interface ConcurrencyLimit {
  /** Runs a check as soon as it may be. null: it was not run, as all that are out hang. */
  run<T>(check: () => Promise<T>): Promise<T | null>
}

interface Waiting {
  begin(): void
  refuse(): void
}

export function createConcurrencyLimit(clock: Clock, most: number = MOST_OUT): ConcurrencyLimit {
  const waiting = new Set<Waiting>()
  let out = 0
  /** When a check was last begun or came back. */
  let movedMs = 0
  let isWatching = false

  const run = async <T>(check: () => Promise<T>): Promise<T> => {
    out += 1
    movedMs = clock.now()
    try {
      return await check()
    } finally {
      out -= 1
      movedMs = clock.now()
      const [next] = waiting
      if (next !== undefined) {
        waiting.delete(next)
        next.begin()
      }
    }
  }

  const watch = () => {
    if (isWatching) return
    isWatching = true
    clock.at(movedMs + STUCK_MS, () => {
      isWatching = false
      if (clock.now() >= movedMs + STUCK_MS) {
        for (const one of waiting) one.refuse()
        waiting.clear()
      }
      if (waiting.size > 0) watch()
    })
  }

  return {
    run: (check) => {
      if (out < most) return run(check)
      return new Promise((resolve, reject) => {
        waiting.add({ begin: () => run(check).then(resolve, reject), refuse: () => resolve(null) })
        watch()
      })
    },
  }
}
