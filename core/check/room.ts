import type { Clock } from './clock.ts'

/** Checks that may be out at once: each that hangs holds a thread of libuv's pool, which has some more (1,024). */
const MOST_OUT = 900
/** Where nothing has come back for this long, in milliseconds, all that is out hangs: a disk may have to spin up. */
const STUCK_MS = 5_000

/** The checks of one process that are out. */
export interface Room {
  /** Runs it as soon as there is a place. null: it was not run, as every place is held by a check that hangs. */
  run<T>(check: () => Promise<T>): Promise<T | null>
}

interface Waiting {
  begin(): void
  refuse(): void
}

export function createRoom(clock: Clock, most: number = MOST_OUT): Room {
  const waiting = new Set<Waiting>()
  let out = 0
  /** When a check was last begun or came back. */
  let movedMs = 0
  let isLooking = false

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

  const lookAgain = () => {
    if (isLooking) return
    isLooking = true
    clock.at(movedMs + STUCK_MS, () => {
      isLooking = false
      if (clock.now() >= movedMs + STUCK_MS) {
        for (const one of waiting) one.refuse()
        waiting.clear()
      }
      if (waiting.size > 0) lookAgain()
    })
  }

  return {
    run: (check) => {
      if (out < most) return run(check)
      return new Promise((resolve, reject) => {
        waiting.add({ begin: () => run(check).then(resolve, reject), refuse: () => resolve(null) })
        lookAgain()
      })
    },
  }
}
